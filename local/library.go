//go:build (linux || darwin) && !noengine

package local

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// libraryFile is the name of the library on every platform, macOS too.
const libraryFile = "libchdb.so"

// libraryPackage is the npm package of this platform. The versions are pinned where it is installed.
func libraryPackage() string {
	cpu := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	if cpu == "" {
		cpu = runtime.GOARCH
	}
	if runtime.GOOS == "linux" {
		return "lib-linux-" + cpu + "-gnu"
	}
	return "lib-" + runtime.GOOS + "-" + cpu
}

// FindLibrary returns the path of the engine's library. An explicit path is taken or refused, it never falls through to the
// search; else the first file found wins: next to the executable, tools/engine/node_modules below the working folder, the
// user's cache folder, the system's library folders. The error wraps ErrNoEngine and lists every place and the ways out.
func FindLibrary(explicit string) (path string, err error) {
	if explicit != "" {
		if why := notALibrary(explicit); why != "" {
			return "", fmt.Errorf("%w: --engine (DESKSTREAM_ENGINE): %s %s; accepted is the path of %s, or nothing to search the usual places", ErrNoEngine, explicit, why, libraryFile)
		}
		return filepath.Abs(explicit)
	}
	places := libraryPlaces()
	tried := make([]string, 0, len(places))
	for _, p := range places {
		why := notALibrary(p)
		if why == "" {
			return filepath.Abs(p)
		}
		tried = append(tried, p+" "+why)
	}
	return "", fmt.Errorf("%w: %s; run `make engine`, or set --engine (DESKSTREAM_ENGINE) to the path of %s, or give the DSN of a ClickHouse server",
		ErrNoEngine, strings.Join(tried, ", "), libraryFile)
}

func libraryPlaces() []string {
	var places []string
	if exe, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(exe), libraryFile))
	}
	places = append(places, filepath.Join("tools", "engine", "node_modules", "@chdb", libraryPackage(), libraryFile))
	if cache, err := os.UserCacheDir(); err == nil {
		places = append(places, filepath.Join(cache, "deskstream", libraryFile))
	}
	for _, dir := range systemFolders() {
		places = append(places, filepath.Join(dir, libraryFile))
	}
	return places
}

func systemFolders() []string {
	if runtime.GOOS == "darwin" {
		return []string{"/usr/local/lib", "/opt/homebrew/lib"}
	}
	multiarch := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	return []string{"/usr/local/lib", "/usr/lib", "/usr/lib64", filepath.Join("/usr/lib", multiarch)}
}

// notALibrary says why the file cannot be the library, "" when it may be. The loader itself is no judge: it succeeds on an
// empty path, returning the program.
func notALibrary(path string) string {
	st, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		return "does not exist"
	case err != nil:
		return "cannot be read: " + err.Error()
	case !st.Mode().IsRegular():
		return "is not a file"
	}
	return ""
}
