"""Where Hydra finds `hydra/launcher=ray`: it loads plugins only from the namespace `hydra_plugins`."""

from .cluster_launcher import ClusterLauncher


class RayLauncher(ClusterLauncher):
    """Runs the jobs of a multirun on Ray."""

    kind = "ray"
