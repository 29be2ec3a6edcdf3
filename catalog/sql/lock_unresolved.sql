SELECT block_no FROM pending WHERE view_name = '' AND block_no IN ({?})
--pg: FOR UPDATE
