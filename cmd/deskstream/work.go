package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"deskstream/processors"
	"deskstream/schemas"
	"deskstream/sinks"
	"deskstream/stream"
)

// startWork starts the loops of the process and sink stages. Any number of processes may run them: commits are fenced.
func (a *App) startWork(ctx context.Context) error {
	if err := a.startReplay(ctx); err != nil {
		return err
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
	a.run(&a.sinking, "retention", a.keepRetention)
	if a.replay == nil {
		a.run(&a.sinking, "outdated rows", a.finishReplay)
	}
	return a.startDeliveries()
}

// startReplay makes the loops begin anew for a replay. Behind a rebuild that has not got the raw events any more there is nothing to make
// state and tables of: they stay as they are.
func (a *App) startReplay(ctx context.Context) error {
	if a.replay == nil {
		return nil
	}
	if a.rebuild && !a.only {
		if purged, err := a.stream.Purged(ctx); err != nil || purged {
			a.stays = true
			return err
		}
	}
	return a.stream.ResetForReplay(ctx, *a.replay)
}

// delivers says whether this process posts entries of audiences: with the sinks, unless it is a tool, beside which the sinks of the program may run.
func (a *App) delivers() bool { return a.Roles.sink && !a.tool }

func (a *App) startDeliveries() error {
	if !a.delivers() {
		return nil
	}
	d, err := sinks.NewDeliveries(sinks.DeliveryOptions{
		Store: a.stream, Unseal: a.sealer.Open, AllowPrivate: a.Config.Private, Now: a.Now, Registerer: a.registry,
		Log: a.Log.With().Str("part", "deliveries").Logger(),
	})
	if err != nil {
		return err
	}
	a.run(&a.sinking, "deliveries", d.Run)
	return nil
}

const (
	// expireEvery is how often expired activities are dropped from the disk, retainEvery how often the expiry of all is made to agree
	// with the settings: rows that were under way when the settings changed have the former one.
	expireEvery = time.Hour
	retainEvery = 24 * time.Hour
	// finishEvery is how often it is looked whether a replay has left something to do.
	finishEvery = time.Minute
)

// keepRetention keeps the stored activities in line with the sources' retention until ctx ends.
func (a *App) keepRetention(ctx context.Context) error {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	var applied time.Time
	for {
		select { // not at the start, which has enough to do: a replay has applied the retention itself
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var err error
		if time.Since(applied) >= retainEvery {
			if err = applyRetention(ctx, a.stream, a.db); err == nil {
				applied = time.Now()
			}
		}
		if err = errors.Join(err, a.db.Expire(ctx)); err != nil && ctx.Err() == nil {
			a.Log.Warn().Err(err).Msg("retention was not applied, will try again")
		}
	}
}

// finishReplay does what a replay that was cut off has left to do, until ctx ends.
func (a *App) finishReplay(ctx context.Context) error {
	tick := time.NewTicker(finishEvery)
	defer tick.Stop()
	for {
		if err := endReplay(ctx, a.stream, a.db); err != nil && ctx.Err() == nil {
			a.Log.Warn().Err(err).Msg("rows that a replay has not made again were not removed, will try again")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// endReplay removes the rows that a replay has not made again, once it is through, and gives the others the expiry of today's settings: they were made
// under those of their time.
func endReplay(ctx context.Context, s *stream.Stream, db *sinks.DB) error {
	gen, err := s.Outdated(ctx)
	if err != nil || gen == 0 {
		return err
	}
	if err := s.CaughtUp(ctx); err != nil {
		return err
	}
	if err := s.Whole(ctx); err != nil { // rows that it could not make again are not outdated
		return err
	}
	if err := db.DropOlder(ctx, gen); err != nil {
		return err
	}
	if err := applyRetention(ctx, s, db); err != nil {
		return err
	}
	return s.Removed(ctx, gen)
}

func applyRetention(ctx context.Context, s *stream.Stream, db *sinks.DB) error {
	all, err := s.Sources(ctx)
	for i := range all {
		err = errors.Join(err, db.ApplyRetention(ctx, all[i].Account, all[i].Retention))
	}
	return err
}
