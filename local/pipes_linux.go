//go:build linux && !noengine

package local

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pipe gives the number of the call pipe on this machine; one that no call has where there is none.
func pipe() uint32 {
	if runtime.GOARCH == "arm64" {
		return math.MaxUint32
	}
	return 22
}

// pipeCall is what the kernel tells of a call that waits for an answer (struct seccomp_notif), pipeAnswer the answer (struct seccomp_notif_resp).
type (
	pipeCall struct {
		id         uint64
		pid, flags uint32
		number     int32
		arch       uint32
		at         uint64
		args       [6]uint64
	}
	pipeAnswer struct {
		id    uint64
		value int64
		errno int32
		flags uint32
	}
)

// refusePipes gives this thread, and those it will begin, sockets where they ask for a pipe, and closes the pipes that the process was started with. A
// process can open the pipes that it holds by their paths in /proc, which Landlock does not see, but no sockets: ClickHouse's function file() would wait
// for ever, or take from the engine what it tells itself. For the same reason the size of a pipe is not told: ClickHouse takes that for an old kernel.
func refusePipes() error {
	arch, _, _ := opens()
	filter := []unix.SockFilter{
		load(callArch),
		equal(arch, 9),
		load(callNumber),
		equal(unix.SYS_PIPE2, 1),
		verdict(unix.SECCOMP_RET_USER_NOTIF),
		equal(pipe(), 1),
		verdict(unix.SECCOMP_RET_USER_NOTIF),
		equal(unix.SYS_FCNTL, 3),
		load(callSecond),
		equal(unix.F_GETPIPE_SZ, 1),
		verdict(unix.SECCOMP_RET_ERRNO | uint32(unix.EINVAL)),
		verdict(unix.SECCOMP_RET_ALLOW),
	}
	calls, err := install(filter, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	if err != nil {
		return err
	}
	go answerPipes(calls)
	return closePipes()
}

// answerPipes makes the sockets. It runs on a thread that is not filtered, in the memory and with the descriptors of those that are.
func answerPipes(calls int) {
	for {
		var call pipeCall
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(calls), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&call)))
		if errno == unix.EINTR || errno == unix.ENOENT {
			continue // the thread that called was interrupted, and calls again
		}
		if errno != 0 {
			fmt.Fprintln(os.Stderr, "engine: pipes:", errno)
			return
		}
		ends, reply := pair(call)
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(calls), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&reply))); errno != 0 && reply.errno == 0 {
			_, _ = unix.Close(ends[0]), unix.Close(ends[1])
		}
	}
}

// pair makes the sockets of one call and writes their numbers where it wants them.
func pair(call pipeCall) (ends [2]int, reply pipeAnswer) {
	reply.id = call.id
	kind := unix.SOCK_STREAM
	if call.number == unix.SYS_PIPE2 {
		kind |= int(call.args[1]) & (unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK) // the same bits as those of pipe2
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, kind, 0)
	if err != nil {
		reply.errno = -int32(unix.EMFILE)
		return ends, reply
	}
	wanted := uintptr(call.args[0])
	**(**[2]int32)(unsafe.Pointer(&wanted)) = [2]int32{int32(ends[0]), int32(ends[1])}
	return ends, reply
}

// closePipes closes what a shell or another parent left open to the program.
func closePipes() error {
	const folder = "/proc/self/fd"
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("confine: %w", err)
	}
	for _, entry := range entries {
		target, err := os.Readlink(folder + "/" + entry.Name())
		if err != nil || !strings.HasPrefix(target, "pipe:") {
			continue
		}
		if fd, err := strconv.Atoi(entry.Name()); err == nil {
			_ = unix.Close(fd)
		}
	}
	return nil
}
