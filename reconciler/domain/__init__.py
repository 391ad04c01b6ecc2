"""The words of the reconciler: frozen values and the ports that the outside must offer.

Imports the standard library and pydantic only.
"""
