package dialects

// LedgerTable is the name of the table in which package edit/sqlstore notes
// which saves were done. Nobody reads it but those who save, so that its changes
// are not captured: they would make every save ring twice.
const LedgerTable = "livesql_saves"
