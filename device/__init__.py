"""What a phone computes: model blobs, the feature front end, resampling, evaluation; in numpy here, in C99 under `c/`.

The definition that training and the device share. Depends on numpy only, and imports no other part: whoever ports it to
another platform finds everything here.
"""
