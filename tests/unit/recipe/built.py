"""For tests of recipes that build their cluster."""

from builder.recipe.cluster import BuiltCluster
from builder.recipe.models import Recipe


def built(recipe: Recipe) -> BuiltCluster:
    """The cluster of `recipe`, which is one that is built."""
    assert isinstance(recipe.cluster, BuiltCluster)
    return recipe.cluster
