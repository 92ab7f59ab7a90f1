//go:build (linux || darwin) && !noengine

package local

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

const (
	// childName is argument 0 of the engine process, by which the binary knows that it is to be the engine.
	childName = "deskstream-engine"
	// lifeLine is the descriptor of the stream whose other end only the parent holds.
	lifeLine = 3
	// stopLimit is how long a stop may take before the child ends itself. With open connections about 5 s are normal.
	stopLimit = 20 * time.Second
	// leastVersion is the first library whose engine can be told to listen.
	leastMajor, leastMinor = 26, 6
)

// init turns this process into the engine when the parent started it as that. It must be here, before main and before any
// test runs, so that every binary that links the package, test binaries too, can be its own engine.
func init() {
	if len(os.Args) > 2 && os.Args[0] == childName {
		os.Exit(runChild(os.Args[1], os.Args[2:]))
	}
}

// exit codes of the child; the text on standard error says more.
const (
	exitStopped     = 0
	exitNoTerminal  = 91
	exitNoLibrary   = 92
	exitOldLibrary  = 93
	exitEngineError = 95
	exitStopTimeout = 97
)

// runChild becomes the engine and returns its exit code when it has stopped. It needs no clean-up: the process ends then.
func runChild(library string, args []string) int {
	runtime.LockOSThread() // the engine expects to stay on the thread it started on
	// Once the parent is gone, standard error has no reader. A write to it must not end the process before the data is safe.
	signal.Ignore(syscall.SIGPIPE)
	master, err := terminalAsInput()
	if err != nil {
		fmt.Fprintln(os.Stderr, "engine: no pseudo-terminal:", err)
		return exitNoTerminal
	}
	lib, err := openLibrary(library)
	if err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		return exitNoLibrary
	}
	fmt.Fprintln(os.Stderr, versionLine+lib.version)
	if tooOld(lib.version) {
		fmt.Fprintf(os.Stderr, "engine: library %s is version %s, at least %d.%d is needed; run `make engine`\n", library, lib.version, leastMajor, leastMinor)
		return exitOldLibrary
	}
	if err := confineHere(library); err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
	}
	go stopOnRequest(master)
	if text := lib.run(args); text != "" {
		fmt.Fprintln(os.Stderr, "engine:", text)
		return exitEngineError
	}
	fmt.Fprintln(os.Stderr, "engine: stopped")
	return exitStopped
}

// confineHere confines the engine to its folder, which holds the one it works in. It comes before the engine begins threads, which are confined as the
// one is that begins them.
func confineHere(library string) error {
	work, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("confine: %w", err)
	}
	return confine(filepath.Dir(work), library)
}

// stopOnRequest waits for the parent's end or a signal, then takes the engine's terminal away: it sees the end of its input
// and shuts down in order.
func stopOnRequest(master int) {
	stop := make(chan string, 2)
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(lifeLine, "life line"))
		stop <- "life line closed"
	}()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() { stop <- (<-signals).String() }()

	fmt.Fprintln(os.Stderr, "engine: stopping:", <-stop)
	_ = syscall.Close(master)
	time.Sleep(stopLimit)
	os.Exit(exitStopTimeout)
}

// terminalAsInput makes a pseudo-terminal this process' standard input and returns the other end. In batch mode the engine
// would treat a failed login as an error of its own and abort (ClickHouse issue 115666); with a terminal and --interactive
// it waits at its prompt instead.
func terminalAsInput() (master int, err error) {
	libc, err := purego.Dlopen(libcName(), purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return 0, fmt.Errorf("load the C library: %w", err)
	}
	var (
		openpt           func(int32) int32
		grantpt, unlockt func(int32) int32
		ptsname          func(int32) string
		dup2             func(int32, int32) int32
	)
	for name, f := range map[string]any{"posix_openpt": &openpt, "grantpt": &grantpt, "unlockpt": &unlockt, "ptsname": &ptsname, "dup2": &dup2} {
		if err := bind(f, libc, name); err != nil {
			return 0, err
		}
	}
	m := openpt(int32(syscall.O_RDWR | syscall.O_NOCTTY))
	if m < 0 {
		return 0, fmt.Errorf("posix_openpt failed; is /dev/pts mounted?")
	}
	syscall.CloseOnExec(int(m))
	if grantpt(m) != 0 || unlockt(m) != 0 {
		return 0, fmt.Errorf("grantpt or unlockpt failed")
	}
	name := ptsname(m)
	slave, err := syscall.Open(name, syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", name, err)
	}
	if dup2(int32(slave), 0) < 0 {
		return 0, fmt.Errorf("dup2 of %s failed", name)
	}
	return int(m), syscall.Close(slave)
}

func libcName() string {
	if runtime.GOOS == "darwin" {
		return "/usr/lib/libSystem.B.dylib"
	}
	return "libc.so.6"
}

// chdb holds the functions used of the library.
type chdb struct {
	version     string
	cmdline     func(argc int32, argv unsafe.Pointer) uintptr
	resultError func(uintptr) string
}

func openLibrary(path string) (*chdb, error) {
	if why := notALibrary(path); why != "" {
		return nil, fmt.Errorf("library %s %s", path, why)
	}
	h, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("library %s cannot be loaded: %w", path, err)
	}
	var (
		lib     chdb
		version func() string
	)
	for name, f := range map[string]any{"chdb_version": &version, "chdb_query_cmdline": &lib.cmdline, "chdb_result_error": &lib.resultError} {
		if err := bind(f, h, name); err != nil {
			return nil, fmt.Errorf("library %s is not a usable libchdb: %w", path, err)
		}
	}
	lib.version = version()
	return &lib, nil
}

// bind looks the symbol up before registering, because registering panics on a missing one.
func bind(f any, handle uintptr, name string) error {
	symbol, err := purego.Dlsym(handle, name)
	if err != nil {
		return fmt.Errorf("symbol %s: %w", name, err)
	}
	purego.RegisterFunc(f, symbol)
	return nil
}

// run is the whole life of the engine. It returns the error text, "" after an orderly stop.
func (c *chdb) run(args []string) string {
	argv := make([]*byte, 0, len(args)+2)
	for _, a := range append([]string{"clickhouse"}, args...) {
		b := append([]byte(a), 0)
		argv = append(argv, &b[0])
	}
	argv = append(argv, nil)
	result := c.cmdline(int32(len(argv)-1), unsafe.Pointer(&argv[0]))
	runtime.KeepAlive(argv)
	if result == 0 {
		return ""
	}
	return c.resultError(result)
}

// tooOld reports whether a version such as "26.7.3" lies before the first usable one. What cannot be read is let through:
// the symbols are there, and a real mismatch shows when the engine does not listen.
func tooOld(version string) bool {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return false
	}
	minor, err := strconv.Atoi(parts[1])
	if err != nil {
		return false
	}
	return major < leastMajor || major == leastMajor && minor < leastMinor
}
