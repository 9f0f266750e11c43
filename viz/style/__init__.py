"""How a picture looks: colours, words and numbers, heat-maps."""
