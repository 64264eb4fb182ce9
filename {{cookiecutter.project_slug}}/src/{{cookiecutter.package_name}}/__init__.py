"""Train linear and deep models on real data, from one configuration."""

from hyperplane.project import use_project

# Configurations may name classes of this project, of torch and of Lightning. To use another library, such as one with
# pretrained networks, name it in `libraries`: its classes can then be built from a configuration, also from one that
# somebody sent you.
PROJECT = use_project(__name__, libraries=())
