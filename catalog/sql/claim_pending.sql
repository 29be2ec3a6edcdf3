UPDATE pending SET owner = ?, expires = ? WHERE view_name = ? AND block_no IN ({?})
