"""What is known of base models, instances, prices and limits: dated figures with their sources, and typed queries over them.

``load()`` is the way in. Nothing is read from AWS: the figures in ``data/`` were compiled on the day that ``Catalog.compiled`` tells.
"""

from reconciler.catalog.bundled import BundledCatalog, load
from reconciler.catalog.live import LivePrices

__all__ = ["BundledCatalog", "LivePrices", "load"]
