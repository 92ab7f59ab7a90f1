SELECT version(), timezone(), toString(getSetting('async_insert')), toString(getSetting('insert_deduplicate'))
