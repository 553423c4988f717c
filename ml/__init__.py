"""The nightly fit: data sets from the structured tables, clusters, networks, populations, promotion, reports.

The only part that imports Keras, TensorFlow and what is around them. Reads `projections`, writes `registry`.
Nothing that serves may import it.
"""
