"""Who is there, and who should own which shard.

Lives here: the membership port and its adapters (one process, processes of one parent, ZooKeeper), placement by
weighted rendezvous hashing (pure). May not live here: who may *write*; that is the journal's epoch alone.
"""
