"""Where tasks run: one port, a process pool and Dask behind it.

A task is bytes, and so is its answer: nothing of ours is pickled. Both engines run tasks in the same kind of child
process (`task_process.py`), so that both compute the same bits.
"""
