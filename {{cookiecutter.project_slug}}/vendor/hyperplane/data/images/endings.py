"""Which files are images, by their names."""

from ..class_folders import Samples

ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
IMAGES = Samples("image", "photos/cat/1.jpg", ENDINGS, "data.path=labels.csv data.image=<column> data.target=<column>")
