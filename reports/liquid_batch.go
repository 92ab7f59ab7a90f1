package reports

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sync/semaphore"

	"deskstream/liquid"
	"deskstream/schemas"
)

const (
	ndjsonType = "application/x-ndjson"

	batchChunk     = 500             // people whose data are fetched together
	batchChunkSize = 4 << 20         // bytes of input taken together
	batchLine      = 1 << 20         // the longest line of a recipient, in bytes
	batchPatience  = 2 * time.Minute // without a line in, or without a line taken out

	batchPath = "/v1/liquid/render/batch"
)

// batches is how many batches run at a time.
func batches() int64 { return int64(max(2, runtime.GOMAXPROCS(0))) }

func (s *server) batchRoutes() {
	running := semaphore.NewWeighted(batches())
	message, line := checkerOf[MessageInput](s.api), checkerOf[RecipientInput](s.api)
	s.handleRaw(route{
		method: http.MethodPost, path: batchPath, id: "render-batch", templates: true, tag: tagLiquid, summary: "Render a message for many people",
		scopes: []string{scopeRender}, takes: ndjsonType,
		detail: "Lines of JSON in and out. The first line is the message: the body of render without person, data, activity_id and request. Each further line is one " +
			"recipient: {\"person\"} or {\"data\"}, and if needed activity_id and request. Each recipient gives one line, in order: {\"index\",\"person\",\"id\"} with what " +
			"render answers, or with error, a problem. Answers come while lines are still read, which waits for the answers to be taken: read while you send.",
	}, ndjsonType, func(w http.ResponseWriter, r *http.Request) {
		if !running.TryAcquire(1) {
			writeProblem(w, s.problem(batchPath, errBusy))
			return
		}
		defer running.Release(1)
		b := &batch{server: s, w: w, control: http.NewResponseController(w), in: bufio.NewReaderSize(r.Body, 64<<10), line: line}
		_ = b.control.EnableFullDuplex() // HTTP/2 has it anyway
		if err := b.readMessage(r.Context(), message); err != nil {
			s.refuseBatch(w, err)
			return
		}
		if err := b.run(r.Context()); err != nil {
			s.Log.Debug().Err(err).Msg("batch ended")
			panic(http.ErrAbortHandler) // a cut answer must not look complete
		}
	})
}

// refuseBatch refuses a batch as a whole.
func (s *server) refuseBatch(w http.ResponseWriter, err error) {
	if own, ok := errors.AsType[*templateProblem](err); ok {
		w.Header().Set("Content-Type", problemType)
		w.WriteHeader(own.Status)
		_ = json.NewEncoder(w).Encode(own) // the client may be gone
		return
	}
	writeProblem(w, s.problem(batchPath, err))
}

// batch is one request for many renders.
type batch struct {
	*server
	w       http.ResponseWriter
	control *http.ResponseController
	in      *bufio.Reader
	line    checker
	lines   int // read so far
	message *message
	index   int // of the next recipient
}

// readMessage reads and plans the message.
func (b *batch) readMessage(ctx context.Context, check checker) error {
	text, err := b.next(maxTemplate)
	if errors.Is(err, io.EOF) {
		return schemas.Invalid("body[0]", "must be the message, an object with parts; recipients follow, one a line")
	}
	if tooLong := (*schemas.Problem)(nil); errors.As(err, &tooLong) {
		return tooLong
	}
	if err != nil {
		return schemas.Invalid("body[0]", "could not be read to its end")
	}
	var in MessageInput
	bad := check.read(text, b.at(), &in)
	if len(bad) == 0 {
		b.message = b.server.message(&in, b.at()+".", &bad)
	}
	if err := invalidFields(bad); err != nil {
		return err
	}
	return b.plan(ctx, b.message, true)
}

// at is the location of the line that was read last.
func (b *batch) at() string { return fmt.Sprintf("body[%d]", b.lines-1) }

// next reads a line that is not empty; io.EOF when there is none. The error of a line that is too long is a Problem, and the line is skipped.
func (b *batch) next(longest int) ([]byte, error) {
	for {
		_ = b.control.SetReadDeadline(time.Now().Add(batchPatience)) // not every connection has deadlines
		line, err := readLine(b.in, longest)
		b.lines++
		if err != nil || len(bytes.TrimSpace(line)) > 0 {
			return line, err
		}
		b.lines--
	}
}

var errLongLine = errors.New("the line is too long")

// readLine reads up to the next line end, which is not part of the line.
func readLine(in *bufio.Reader, longest int) (line []byte, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > longest+1 {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = in.ReadSlice('\n')
			}
			if err == nil || errors.Is(err, io.EOF) {
				err = &schemas.Problem{Class: schemas.ErrTooLarge, Code: "too-large", Detail: fmt.Sprintf("%v: at most %d bytes are accepted", errLongLine, longest)}
			}
			return nil, err
		}
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		default:
			return bytes.TrimSuffix(line, []byte("\n")), err
		}
	}
}

// run renders chunk by chunk until the lines end.
func (b *batch) run(ctx context.Context) error {
	b.w.Header().Set("Content-Type", ndjsonType)
	b.w.WriteHeader(http.StatusOK)
	_ = b.control.Flush() // the sender sees that the message was taken
	for {
		chunk, err := b.chunk()
		if failed := b.answer(ctx, chunk); failed != nil {
			return failed
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// batchRecipient is a recipient and its place.
type batchRecipient struct {
	recipient
	index int
}

// chunk waits for a recipient and takes those that have come behind it, so that a sender who waits for answers gets them.
func (b *batch) chunk() (chunk []*batchRecipient, err error) {
	for size := 0; len(chunk) < batchChunk && size < batchChunkSize; {
		if len(chunk) > 0 && !b.lineWaits() {
			return chunk, nil
		}
		text, err := b.next(batchLine)
		r := &batchRecipient{index: b.index}
		if tooLong := (*schemas.Problem)(nil); errors.As(err, &tooLong) {
			r.err = tooLong
		} else if err != nil {
			return chunk, err
		} else {
			b.read(text, r)
		}
		b.index++
		size += len(text)
		chunk = append(chunk, r)
	}
	return chunk, nil
}

// lineWaits tells whether a whole line has been received.
func (b *batch) lineWaits() bool {
	waiting, _ := b.in.Peek(b.in.Buffered()) // cannot fail: it is buffered
	return bytes.IndexByte(waiting, '\n') >= 0
}

// read reads a recipient; what is wrong with it is its error.
func (b *batch) read(text []byte, r *batchRecipient) {
	var in RecipientInput
	bad := b.line.read(text, b.at(), &in)
	if len(bad) == 0 {
		r.recipient = *b.message.recipient(&in, b.at()+".", &bad)
	}
	if err := invalidFields(bad); err != nil {
		r.err = err
	}
}

// answer fetches what a chunk needs, renders it on several processors and writes the answers in order.
func (b *batch) answer(ctx context.Context, chunk []*batchRecipient) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	recipients := make([]*recipient, len(chunk))
	for i, r := range chunk {
		recipients[i] = &r.recipient
	}
	if err := b.fetch(ctx, b.message, recipients); err != nil {
		for _, r := range recipients {
			if r.err == nil && r.name != "" {
				r.err = err
			}
		}
	}
	// Answers that wait to be written are bounded by the length of the queue.
	queue := make(chan chan []byte, runtime.GOMAXPROCS(0))
	go func() {
		defer close(queue)
		for _, r := range chunk {
			line := make(chan []byte, 1)
			select {
			case queue <- line:
				go func() { line <- b.renderLine(ctx, r) }()
			case <-ctx.Done():
				return
			}
		}
	}()
	return b.write(ctx, queue)
}

// write writes lines as they are finished, in order.
func (b *batch) write(ctx context.Context, queue <-chan chan []byte) error {
	for line := range queue {
		_ = b.control.SetWriteDeadline(time.Now().Add(batchPatience)) // not every connection has deadlines
		if _, err := b.w.Write(<-line); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_ = b.control.Flush() // what cannot be flushed goes out with the next lines
	return nil
}

// batchAnswer is one line of the answer.
type batchAnswer struct {
	Index  int     `json:"index"`
	Person *string `json:"person"`
	ID     *string `json:"id"`
	*RenderAnswer
	Error error `json:"error,omitempty"`
}

// renderLine renders for one recipient and gives the line of its answer.
func (b *batch) renderLine(ctx context.Context, r *batchRecipient) []byte {
	out := batchAnswer{Index: r.index}
	if r.name != "" {
		out.Person = &r.name
	}
	if r.who != nil {
		out.ID = &r.who.ID
	}
	res, err := b.renderSafely(ctx, r)
	if err == nil {
		done := renderAnswerOf(&res)
		out.RenderAnswer = &done
	} else if out.Error = err; !isTemplateProblem(err) {
		out.Error = b.problem(batchPath, err)
	}
	line, err := json.Marshal(out)
	if err != nil {
		line, _ = json.Marshal(batchAnswer{Index: r.index, Person: out.Person, ID: out.ID, Error: b.problem(batchPath, err)})
	}
	return append(line, '\n')
}

func isTemplateProblem(err error) bool {
	_, ok := errors.AsType[*templateProblem](err)
	return ok
}

// renderSafely renders in its place among all renders. Nothing outside catches a panic here.
func (b *batch) renderSafely(ctx context.Context, r *batchRecipient) (res liquid.Result, err error) {
	defer func() {
		if v := recover(); v != nil {
			b.metrics.panics.Inc()
			b.Log.Error().Str("stack", string(debug.Stack())).Msg("panic while rendering")
			err = errPanic
		}
	}()
	if err := b.rendering.places.Acquire(ctx, 1); err != nil {
		return res, err
	}
	defer b.rendering.leave()
	return b.renderFor(ctx, b.message, &r.recipient)
}
