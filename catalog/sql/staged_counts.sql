SELECT COUNT(insert_time), COUNT(segment) FROM staged
