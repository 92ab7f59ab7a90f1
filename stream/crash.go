package stream

// CrashPoints names every point at which Options.Crash is called: between the steps of publishing, processing and sinking, where the
// end of the process must do no harm. "staged" is inside a commit, when all but its last message has been sent.
var CrashPoints = []string{
	"open.created",
	"publish.staged", "publish.stored",
	"page.staged", "page.stored",
	"source.staged", "source.stored",
	"process.loaded", "process.applied", "process.staged", "process.committed",
	"spill.staged", "spill.committed", "unspill.staged", "unspill.committed",
	"dead.published", "dead.deleted",
	"erase.recorded", "erase.staged", "erase.kept", "erase.overwritten",
	"scrub.turned", "scrub.spread", "scrub.staged", "letters.staged", "scrub.restated", "move.staged", "move.committed",
	"sink.collected", "sink.intended", "sink.written", "sink.done",
	"reset.staged", "reset.marked", "reset.cleared",
	"janitor.ledger", "janitor.purged",
}

func (s *Stream) crash(point string) {
	if s.o.Crash != nil {
		s.o.Crash(point)
	}
}
