UPDATE pending SET quarantined = 0, attempts = 0 WHERE view_name = ? AND quarantined = 1
