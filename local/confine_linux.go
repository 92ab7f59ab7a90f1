//go:build linux && !noengine

package local

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// engineReads is what the engine reads of its folder, systemReads of the system. Of neither may anything be secret: the password of the pipeline user
// lies beside the one, and config.xml and users.xml hold none.
var (
	engineReads = []string{"config.xml", "users.xml", "data", "tmp", "user_files", "backups", "backups_disk"}
	systemReads = []string{
		"/proc", "/sys", "/dev", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share", "/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/nsswitch.conf",
		"/etc/gai.conf", "/etc/localtime", "/etc/ld.so.cache", "/etc/ssl",
	}
)

// leastLandlock is the first version of Landlock under which a confined engine may link and move files within its folder.
const leastLandlock = 2

// confinable says whether this system can keep the engine from reading other files.
func confinable() error {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch {
	case errno != 0:
		return fmt.Errorf("no Landlock (Linux 5.19): %w", errno)
	case version < leastLandlock:
		return fmt.Errorf("version %d of Landlock, %d (Linux 5.19) is needed", version, leastLandlock)
	}
	return nil
}

// confine leaves this thread, and those it will begin, only some files to read: of dir, of the system, and the library. ClickHouse's function file()
// asks for no right, and in this engine it reads any path. Of other processes /proc tells nothing secret then, because a confined thread may not look
// into them.
func confine(dir, library string) error {
	if err := confinable(); err != nil {
		return err
	}
	handled := unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_REFER}
	ruleset, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&handled)), unsafe.Sizeof(handled.Handled_access_fs), 0)
	if errno != 0 {
		return fmt.Errorf("confine: %w", errno)
	}
	defer func() { _ = unix.Close(int(ruleset)) }()
	if err := allow(int(ruleset), dir, unix.LANDLOCK_ACCESS_FS_REFER); err != nil {
		return fmt.Errorf("confine: %s: %w", dir, err)
	}
	readable := append([]string{library}, systemReads...)
	for _, name := range engineReads {
		readable = append(readable, filepath.Join(dir, name))
	}
	for _, path := range readable {
		if err := allow(int(ruleset), path, unix.LANDLOCK_ACCESS_FS_READ_FILE); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("confine: %s: %w", path, err)
		}
	}
	if err := errors.Join(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), lookIntoNobody()); err != nil {
		return fmt.Errorf("confine: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0, 0); errno != 0 {
		return fmt.Errorf("confine: %w", errno)
	}
	return nil
}

// lookIntoNobody gives up what lets root read the memory of any process, its environment too, before Landlock is asked.
func lookIntoNobody() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData // by 32 capabilities
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return err
	}
	for _, capability := range []int{unix.CAP_PERFMON, unix.CAP_SYS_ADMIN} {
		set, bit := &sets[capability/32], uint32(1)<<(capability%32)
		set.Effective, set.Permitted, set.Inheritable = set.Effective&^bit, set.Permitted&^bit, set.Inheritable&^bit
	}
	return unix.Capset(&header, &sets[0])
}

// allow lets a file be used so, or all below a folder.
func allow(ruleset int, path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
