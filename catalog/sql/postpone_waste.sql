UPDATE segment_waste SET since = ? WHERE segment = ?
