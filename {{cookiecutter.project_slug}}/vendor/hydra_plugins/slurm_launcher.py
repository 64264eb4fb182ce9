"""Where Hydra finds `hydra/launcher=slurm`: it loads plugins only from the namespace `hydra_plugins`."""

from .cluster_launcher import ClusterLauncher


class SlurmLauncher(ClusterLauncher):
    """Runs the jobs of a multirun on SLURM."""

    kind = "slurm"
