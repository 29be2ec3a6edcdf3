DELETE FROM segment_waste WHERE segment = ?
