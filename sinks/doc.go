// Package sinks turns the rows that processors put out into ClickHouse rows, exactly once, and keeps them as long as asked. It owns
// the connection to ClickHouse, the migrations, the inserts with their recovery, retention, the record of what the streams last
// held, and the check of the server's settings. It never reads a stream and answers no report.
// It also posts the entries of audiences to their targets, at least once.
//
// An insert is one native block into one ClickHouse partition, which ClickHouse stores as a whole or not at all, under a token that
// follows from the rows' place in the stream. A repeated insert is dropped by the server's log of tokens; because a power cut can make
// that log forget or lie, a block that may be stored already is looked for by its token first (column _batch).
package sinks
