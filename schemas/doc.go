// Package schemas is the ground floor of deskstream: the shape of everything that crosses a boundary. It owns the events that
// travel through the stream, the Zendesk payloads they carry, the rows of every ClickHouse table with their migrations, the
// settings of a source, subject names, and the classes of errors. It imports nothing of ours and does no I/O.
package schemas
