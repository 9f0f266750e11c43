"""River pictures as SVG: records on their lines, the gradient as a ribbon through them."""
