//go:build linux && !noengine

package local

import (
	"fmt"
	"math"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets, in bytes, of what a filter sees of a call. Arguments have eight bytes each, of which the flags are in the first four.
const (
	callNumber = 0
	callArch   = 4
	callSecond = 16 + 8
	callThird  = 16 + 16
)

// opens gives the numbers of open and openat on this machine; the first is one that no call has where there is none.
func opens() (arch, open, openat uint32) {
	if runtime.GOARCH == "arm64" {
		return unix.AUDIT_ARCH_AARCH64, math.MaxUint32, unix.SYS_OPENAT
	}
	return unix.AUDIT_ARCH_X86_64, 2, unix.SYS_OPENAT
}

// refuseDatabases keeps this thread, and those it will begin, from making a file in the way that SQLite does, O_CREAT with O_NOFOLLOW, which ClickHouse
// itself never uses. ClickHouse's function sqlite() opens its file, and makes it, before it asks whether the user may: in the engine's folder, where
// Landlock must let files be made, a user who may only read could leave a file that keeps the engine from starting.
func refuseDatabases() error {
	const both = unix.O_CREAT | unix.O_NOFOLLOW
	arch, open, openat := opens()
	filter := []unix.SockFilter{
		load(callArch),
		equal(arch, 9),
		load(callNumber),
		equal(openat, 2),
		load(callThird),
		{Code: unix.BPF_JMP | unix.BPF_JA, K: 2},
		equal(open, 4),
		load(callSecond),
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: both},
		equal(both, 1),
		verdict(unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)),
		verdict(unix.SECCOMP_RET_ALLOW),
	}
	_, err := install(filter, 0)
	return err
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

// equal goes on with the next instruction, or skips as many as it says where the value is another one.
func equal(value uint32, otherwise uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: value, Jf: otherwise}
}

func verdict(action uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
}

// install has this thread, and those it will begin, filtered.
func install(filter []unix.SockFilter, flags uintptr) (fd int, err error) {
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	r, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		return 0, fmt.Errorf("confine: seccomp: %w", errno)
	}
	return int(r), nil
}
