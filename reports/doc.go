// Package reports answers questions over HTTP: it owns the routes of the API, their keys and scopes, the report definitions with
// one SQL file each, and the data that templates render with. It reads ClickHouse and never writes to it; what changes a source goes
// through the interfaces SourceStore and Connections, whose owners are wired in by the program.
package reports
