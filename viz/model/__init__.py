"""What a picture shows, before anything is placed or drawn."""
