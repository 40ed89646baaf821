package output

import "github.com/picoca/picoca/internal/durable"

type File struct {
	Name    string
	Data    []byte
	Private bool
}
type Policy struct{ own func(string, []byte) bool }

var Empty, Beside, Overwrite Policy

func Own(f func(name string, data []byte) bool) Policy { return Policy{f} }

type Options struct {
	Prefix   string
	Policy   Policy
	User     int
	Enclosed func(string) bool
	Wrap     func(durable.Disk) durable.Disk
}
type Folder struct{}

func Open(dir string, o Options) (*Folder, error)      { return nil, nil }
func (f *Folder) Prepare(names []string) error         { return nil }
func (f *Folder) Stage([]File) error                   { return nil }
func (f *Folder) Commit() error                        { return nil }
func (f *Folder) Close() error                         { return nil }
func (f *Folder) Exists() bool                         { return false }
func (f *Folder) Unfinished() bool                     { return false }
func (f *Folder) Read(name string) ([]byte, error)     { return nil, nil }
func (f *Folder) Names() ([]string, error)             { return nil, nil }

type ExistsError struct {
	Path, What string
	Force      bool
}

func (e *ExistsError) Error() string { return "" }
func (f *Folder) Check(names []string) error { return nil }
