package reports

import "encoding/binary"

const (
	arenaChunk = 1 << 20 // bytes
	arenaGrain = 8       // records begin at multiples of it
	// arenaWaste is from how many bytes of records that were given up on room is made again, once they are as many as half of those in use.
	arenaWaste = 8 << 20
)

// arena holds many small records in few large pieces of memory, which the garbage collector need not look into. A record is named by a number,
// 0 is the empty one. The zero value is ready; it is not safe for concurrent use.
type arena struct {
	chunks [][]byte
	live   int // bytes of records in use
	waste  int // bytes of records that were given up
}

// put stores a record in place of another one.
func (a *arena) put(old uint32, record []byte) uint32 {
	a.drop(old)
	if len(record) == 0 {
		return 0
	}
	size := recordSize(len(record))
	last := len(a.chunks) - 1
	if last < 0 || len(a.chunks[last])+size > cap(a.chunks[last]) {
		a.chunks = append(a.chunks, make([]byte, arenaGrain, max(arenaChunk, arenaGrain+size))) // nothing is at the beginning: 0 is the empty record
		last++
	}
	chunk := a.chunks[last]
	at := len(chunk)
	chunk = append(binary.AppendUvarint(chunk, uint64(len(record))), record...)
	a.chunks[last] = chunk[:at+size]
	a.live += size
	return uint32(last*(arenaChunk/arenaGrain) + at/arenaGrain)
}

// recordSize is how many bytes a record takes.
func recordSize(n int) int {
	size := n + 1
	for rest := n; rest >= 0x80; rest >>= 7 {
		size++
	}
	return (size + arenaGrain - 1) / arenaGrain * arenaGrain
}

// get gives a record.
func (a *arena) get(number uint32) unpacker {
	if number == 0 {
		return ""
	}
	chunk := a.chunks[number/(arenaChunk/arenaGrain)]
	chunk = chunk[number%(arenaChunk/arenaGrain)*arenaGrain:]
	n, skip := binary.Uvarint(chunk)
	return unpacker(chunk[skip : skip+int(n)])
}

// drop gives up a record.
func (a *arena) drop(number uint32) {
	if number != 0 {
		size := recordSize(len(a.get(number)))
		a.live -= size
		a.waste += size
	}
}

// wasteful says that the records should move to another arena.
func (a *arena) wasteful() bool { return a.waste > arenaWaste && a.waste > a.live/2 }

// move moves a record from another arena.
func (a *arena) move(from *arena, number *uint32) {
	*number = a.put(0, []byte(from.get(*number)))
}
