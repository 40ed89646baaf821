package store

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// free begins what the lock file tells while nobody holds the lock. A random
// text follows, another one after each change, and then what was added last.
// While the lock is held, or when its holder was killed, the file tells a
// process ID. It is never synced: a power cut may bring back an older text.
const free = "free-"

// sighting is the last certificate of a name, as it was seen.
type sighting struct {
	dir, last string
	changed   int64  // when the folder had changed last
	told      string // by the lock file, before the folder was read
}

// text is the end of what the lock file tells.
func (a sighting) text() string {
	if a.last == "" {
		return ""
	}
	return fmt.Sprintf(" %d %s/%s", a.changed, a.dir, a.last)
}

// recall returns the last certificate of a name without reading its folder, in
// which there may be thousands, if nobody changed that since it was seen: by
// this store, or by the one that added it, whose word is held against the
// folder's time.
func (s *Store) recall(dir, told string) (last string, ok bool) {
	if !strings.HasPrefix(told, free) {
		return "", false
	}
	if s.seen.dir == dir && s.seen.told == told {
		return s.seen.last, true
	}
	fields := strings.Fields(told)
	if len(fields) != 3 || path.Dir(fields[2]) != dir || !s.isFolder(fields[2]) || fmt.Sprint(s.changed(dir)) != fields[1] {
		return "", false
	}
	return path.Base(fields[2]), true
}

// changed returns when a folder changed last, -1 if that cannot be told.
func (s *Store) changed(dir string) int64 {
	info, err := s.disk.Stat(filepath.FromSlash(dir))
	if err != nil {
		return -1
	}
	return info.ModTime().UnixNano()
}

// told returns what the lock file tells, or told before this store locked it.
func (s *Store) told() string {
	if s.held != nil {
		return s.unlocked
	}
	return s.lockText()
}

// writeLock reports whether it could: Windows forbids it while the lock is held.
func (s *Store) writeLock(text string) bool {
	file, err := s.disk.OpenFile("lock", os.O_WRONLY|os.O_TRUNC, 0) // it may be removed, and stays so
	if err != nil {
		return false
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close()) == nil
}

func (s *Store) lockText() string {
	data, _ := s.read("lock", 0o600)
	return string(data)
}

// holder returns the process ID in the lock file, which anything could be in.
func (s *Store) holder() string {
	if pid, err := strconv.Atoi(s.lockText()); err == nil && pid > 0 {
		return strconv.Itoa(pid)
	}
	return ""
}
