// Package local owns what a single machine needs to run without other servers: the lock of the data folder, a NATS JetStream
// server inside the process, and a ClickHouse engine as a supervised child process of the same binary.
//
// It never creates streams or tables, never reads the environment for settings, and knows nothing of the rest of the program;
// callers get connections and DSNs that could as well belong to external servers.
//
// Order of use: Lock, StartNATS, StartEngine; when stopping, the callers' ClickHouse pools are closed first, then
// Engine.Close, NATS.Close and the unlock function.
//
// The engine needs linux or macOS with the libchdb library. Built with the tag noengine, or for another system, StartEngine
// and FindLibrary return ErrNoEngine and the binary stays static.
package local
