"""What a run asks of a data module, and the loaders of one that has parts: train, val and test.

Any LightningDataModule serves that offers

    spec                    a DataSpec, from `setup` on; the model is built for it
    train_dataloader()      batches of tensors: inputs, a mask if `spec.has_mask`, targets, and a weight (B,) for each
                            sample if `spec.has_weights`. A task of your own may take any batches
    val_dataloader()        the same, or an empty list; without it nothing is validated
    test_dataloader()       the same; without it nothing is tested

and takes `seed`, on which split and order should depend, if its signature has it. Loaders may be those of torch, with
workers. The rest is optional; what needs it says so where it is missing:

    scaling                 a Scaling: metrics and predictions are in the units of the data, and so are the inputs of
                            `predict` and of the exported program
    spec.class_counts       class_weights=balanced, pos_weight=balanced
    spec.train_size         find=batch_size, and the support vector machines
    evaluation_batches(p)   `evaluate part=train` and `part=val`: the part p in order, in batches as above
    arrays(p)               figures: inputs and targets of the part p, numpy, in the units of the data
    caveats                 sentences that the summary keeps among its warnings, such as what could not be read
    training_samples()      models that are solved at once (kernel_svm, sklearn): inputs and targets, standardised
    figures(task)           more figures of a run, by name
    read_inputs(path, spec) with `reads_inputs = True`: what `predict` makes of a file, see `new_samples.py`
    file_settings = ("path",)               the settings that name files: those that are missing are named at once,
                            before `prepare_data`; where that downloads them: ()
    column_settings = ("target",)           those that name columns of the table `data.path`; see tables/header.py
    state_dict(), load_state_dict(state)    Lightning's own: kept in checkpoints, such as an encoder that was fitted

Data sets that fit in memory get all of this from ArrayDataModule.
"""

from abc import ABC, abstractmethod
from typing import Any

from lightning.pytorch import LightningDataModule


class PartLoaders(LightningDataModule, ABC):
    """Validates and tests with whole parts, in order."""

    val_fraction: float

    @property
    def validates(self) -> bool:
        """Whether samples are held out for validation."""
        return self.val_fraction > 0

    @abstractmethod
    def evaluation_batches(self, part: str) -> Any:
        """Return a part in order, in large batches."""

    def val_dataloader(self) -> Any:
        return self.evaluation_batches("val") if self.validates else []

    def test_dataloader(self) -> Any:
        return self.evaluation_batches("test")
