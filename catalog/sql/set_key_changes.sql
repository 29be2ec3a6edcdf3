UPDATE api_key_changes SET revision = ?, imported = ?
