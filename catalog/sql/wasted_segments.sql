SELECT segment FROM segment_waste WHERE segment IN ({?})
