UPDATE segment_waste SET since = ? WHERE segment = ? AND freed = ? AND erase = 0
