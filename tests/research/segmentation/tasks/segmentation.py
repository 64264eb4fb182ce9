"""Segmentation: the classification of each pixel, with pictures of what it comes to."""

from typing import Any

from matplotlib.figure import Figure

from .classification import Classification

DRAWN = 6  # test images


class Segmentation(Classification):
    """Loss, metrics and the confusion matrix are those of classification, over all pixels."""

    def figures(self, data: Any) -> dict[str, Figure]:
        """Draw test images, their true classes, and below them the predicted ones."""
        from hyperplane.figures import new_figure

        images, masks = (values[:DRAWN] for values in data.arrays("test"))
        predicted = self.predict_array(images).argmax(axis=1)
        figure = new_figure(8, 4.4)
        rows = {"image": images[..., 0], "true classes": masks, "predicted": predicted}
        for axes, (name, pictures) in zip(figure.subplots(3, DRAWN), rows.items(), strict=True):
            for axis, picture in zip(axes, pictures, strict=True):
                classes = {} if name == "image" else {"vmin": 0, "vmax": self.spec.output_size - 1}
                axis.imshow(picture, cmap="gray" if name == "image" else "cividis", **classes)
                axis.set(xticks=[], yticks=[])
            axes[0].set_ylabel(name)
        figure.suptitle("Test images and the classes of their pixels")
        return super().figures(data) | {"masks": figure}
