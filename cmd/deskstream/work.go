package main

import (
	"context"
	"fmt"

	"deskstream/processors"
	"deskstream/schemas"
	"deskstream/sinks"
	"deskstream/stream"
)

// startWork starts the loops of the process and sink stages. Any number of processes may run them: commits are fenced.
func (a *App) startWork(ctx context.Context) error {
	if a.replay != nil {
		if err := a.stream.ResetForReplay(ctx, *a.replay); err != nil {
			return err
		}
	}
	if a.Roles.process {
		for p := range a.stream.Partitions() {
			a.run(&a.working, fmt.Sprintf("processor of partition %d", p), func(ctx context.Context) error {
				return a.stream.Process(ctx, p, processors.New())
			})
		}
	}
	if !a.Roles.sink {
		return nil
	}
	for _, table := range schemas.Tables {
		a.run(&a.sinking, "sink of "+table, func(ctx context.Context) error {
			return a.stream.Sink(ctx, sinks.NewWriter(a.db, table))
		})
	}
	a.run(&a.sinking, "janitor", a.stream.Janitor)
	return nil
}

// generation of the rows that this process writes.
func (a *App) generation(ctx context.Context) (uint64, error) {
	stats, err := a.stream.Stats(ctx)
	if err != nil {
		return 0, err
	}
	return txnGeneration(stats), nil
}

func txnGeneration(stats stream.Stats) (gen uint64) {
	for _, s := range stats.Streams {
		gen = max(gen, s.Gen)
	}
	return gen
}
