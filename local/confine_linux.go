//go:build linux && !noengine

package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// engineReads is what the engine reads of its folder, systemReads of the system. Of neither may anything be secret: the password of the pipeline user
// lies beside the one, and config.xml and users.xml hold none. Nor may reading anything wait, as a terminal does for its user: no limit of time and no
// KILL ends that. /proc/self is what the system tells of the engine itself, whose threads read there at each query what they cost; without it each
// takes an exception. The command lines of other programs are beside it.
var (
	engineReads = []string{"config.xml", "users.xml", "data", "tmp", "user_files", "backups", "backups_disk"}
	systemReads = []string{
		"/proc/self", "/proc/meminfo", "/proc/stat", "/sys/devices/system/cpu", "/sys/fs/cgroup", os.DevNull, "/dev/urandom", "/lib", "/lib64", "/usr/lib", "/usr/lib64",
		"/usr/share", "/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/localtime", "/etc/ld.so.cache",
		"/etc/ssl/certs", "/etc/ssl/openssl.cnf",
	}
)

// engineWrites is what the engine may do below its folder, and below engineFolders, which may be links to elsewhere; nowhere else.
const engineWrites = unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_DIR |
	unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
	unix.LANDLOCK_ACCESS_FS_REMOVE_DIR

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

// permission is what the engine may do with a file, or with all below a folder.
type permission struct {
	path   string
	access uint64
}

// permissions is all that the engine may do with files.
func permissions(dir, library string) []permission {
	all := []permission{{dir, engineWrites}, {library, unix.LANDLOCK_ACCESS_FS_READ_FILE}, {os.DevNull, unix.LANDLOCK_ACCESS_FS_WRITE_FILE}}
	for _, path := range systemReads {
		all = append(all, permission{path, unix.LANDLOCK_ACCESS_FS_READ_FILE})
	}
	for _, name := range engineReads {
		all = append(all, permission{filepath.Join(dir, name), unix.LANDLOCK_ACCESS_FS_READ_FILE})
	}
	for _, name := range engineFolders {
		all = append(all, permission{filepath.Join(dir, name), engineWrites})
	}
	return all
}

// confine leaves this thread, and those it will begin, only some files to read: of dir, of the system, and the library; and to make and change only
// what is below dir. ClickHouse's function file() asks for no right, sqlite() makes its file before it asks, and in this engine both take any path.
func confine(dir, library string) error {
	if err := confinable(); err != nil {
		return err
	}
	handled := unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_READ_FILE | engineWrites}
	ruleset, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&handled)), unsafe.Sizeof(handled.Handled_access_fs), 0)
	if errno != 0 {
		return fmt.Errorf("confine: %w", errno)
	}
	defer func() { _ = unix.Close(int(ruleset)) }()
	for _, p := range permissions(dir, library) {
		if err := allow(int(ruleset), p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("confine: %s: %w", p.path, err)
		}
	}
	if err := errors.Join(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), lookIntoNobody()); err != nil {
		return fmt.Errorf("confine: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0, 0); errno != 0 {
		return fmt.Errorf("confine: %w", errno)
	}
	return errors.Join(refuseDatabases(), refusePipes())
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

// allow adds a permission. The descriptor stays open: /proc makes files as they are asked for, and would make another one, which no permission is for,
// after it had forgotten the one that nobody held.
func allow(ruleset int, p permission) error {
	fd, err := unix.Open(p.path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: p.access, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
