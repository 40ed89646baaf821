package pki

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/fault"
)

// Limits of a list.
const (
	MaxRows      = 100_000
	MaxListBytes = 64 << 20
)

// listColumns are the columns that a list may have.
var listColumns = []string{"name", "names", "ip", "for", "key", "days"}

// List is a list of devices that want certificates: CSV with a header, or one
// name per line.
type List struct {
	// ID identifies the list by its bytes.
	ID   string
	rows []row
}

// row is a line of a list: what its cells say, "" where they are empty.
type row struct {
	line                               int
	name, names, ip, target, key, days string
	err                                error // the line is not what the header says
}

// Rows returns how many devices the list has.
func (l *List) Rows() int { return len(l.rows) }

// RowError is what is wrong with a line of a list.
type RowError struct {
	Line int
	Err  error
}

func (e *RowError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the fault.
func (e *RowError) Unwrap() error { return e.Err }

// ExitCode is Failed: the command line is right.
func (*RowError) ExitCode() int { return fault.Failed }

var (
	errEmptyList = fault.New("list has no names",
		fault.Hintf("write one name per line, or CSV with the columns %s, of which only name is required", strings.Join(listColumns, ", ")))
	errLongList  = fault.New(fmt.Sprintf("list has more than %d rows", MaxRows), fault.Hintf("split it into several lists"))
	errLargeList = fault.New(fmt.Sprintf("list is larger than %d MiB", MaxListBytes>>20), fault.Hintf("is it the right file? A row needs no more than a hundred bytes"))
	errUTF16     = fault.New("list is encoded in UTF-16", fault.Hintf("save it as UTF-8: in Excel, as \"CSV UTF-8\""))
	errNotUTF8   = fault.New("text is not encoded in UTF-8", fault.Hintf("save the list as UTF-8: in Excel, as \"CSV UTF-8\""))
	errNoHeader  = fault.New("first line is no header, and has more than one cell",
		fault.Hintf("begin the list with the names of its columns, such as name,ip,for"))
	errNoName = fault.New("column name is missing", fault.Hintf("name the column that has each device's own name"))
	errWide   = fault.New("has more cells than the header", fault.Hintf("put a cell with commas, such as several names, in quotes"))
	errQuote  = fault.New("has a quotation mark in the wrong place",
		fault.Hintf(`put the whole cell in quotes, and write a quotation mark inside as two: "..."`))
	errUnnamed = fault.New("name is missing", fault.Hintf("fill in the column name"))
)

// ParseList reads a list. It joins a RowError for each fault of the header; what
// is wrong with other lines PlanBatch reports with all else.
func ParseList(data []byte) (*List, error) {
	switch {
	case len(data) > MaxListBytes:
		return nil, errLargeList
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return nil, errUTF16
	}
	sum := sha256.Sum256(data)
	text := string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))) // Excel begins a file with it
	if err := checkUTF8(text); err != nil {
		return nil, err
	}
	p := listParser{csv: csv.NewReader(strings.NewReader(text)), list: &List{ID: hex.EncodeToString(sum[:])}}
	p.csv.Comma, p.csv.Comment = separator(text), '#'
	p.csv.TrimLeadingSpace = p.csv.Comma != '\t' // a tab is a space
	p.csv.FieldsPerRecord, p.csv.ReuseRecord = -1, true
	if err := p.parse(); err != nil {
		return nil, err
	}
	if len(p.list.rows) == 0 {
		return nil, errEmptyList
	}
	return p.list, nil
}

// checkUTF8 names the first line that is not UTF-8.
func checkUTF8(text string) error {
	if utf8.ValidString(text) {
		return nil
	}
	n := 1
	for line := range strings.Lines(text) {
		if !utf8.ValidString(line) {
			break
		}
		n++
	}
	return &RowError{n, errNotUTF8}
}

// separator is what divides the first line: spreadsheets write a semicolon where a
// comma is part of numbers, and copy with tabs.
func separator(text string) rune {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		for _, r := range ",;\t" {
			if strings.ContainsRune(line, r) {
				return r
			}
		}
		break
	}
	return ','
}

type listParser struct {
	csv     *csv.Reader
	list    *List
	columns []string
	faults  []error
}

func (p *listParser) parse() error {
	for {
		cells, err := p.csv.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := p.record(cells, err); err != nil {
			return err
		}
	}
}

// record takes in a line. It fails if no other need be read.
func (p *listParser) record(cells []string, err error) error {
	if len(p.list.rows) == MaxRows {
		return errLongList
	}
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		if p.columns == nil {
			return &RowError{e.StartLine, errQuote}
		}
		p.list.rows = append(p.list.rows, row{line: e.StartLine, err: errQuote})
		return nil
	}
	if err != nil {
		return err
	}
	line, _ := p.csv.FieldPos(0)
	for i, cell := range cells {
		cells[i] = strings.TrimSpace(cell)
	}
	switch {
	case !slices.ContainsFunc(cells, func(cell string) bool { return cell != "" }): // spreadsheets write ,,,
		return nil
	case p.columns == nil && p.header(line, cells):
		return errors.Join(p.faults...)
	case len(cells) > len(p.columns):
		p.list.rows = append(p.list.rows, row{line: line, err: errWide})
	default:
		p.list.rows = append(p.list.rows, p.row(line, cells))
	}
	return nil
}

// fail adds a fault of the header.
func (p *listParser) fail(line int, err error) { p.faults = append(p.faults, &RowError{line, err}) }

// header reports whether the first line names the columns, and finds its faults.
// If it does not, each line is a name.
func (p *listParser) header(line int, cells []string) bool {
	names := make([]string, len(cells))
	for i, cell := range cells {
		names[i] = strings.ToLower(cell)
	}
	isColumn := func(name string) bool { return slices.Contains(listColumns, name) }
	switch {
	case len(names) == 1 && names[0] != "name":
		p.columns = []string{"name"}
		return false
	case !slices.ContainsFunc(names, isColumn):
		p.fail(line, errNoHeader)
		return true
	case !slices.Contains(names, "name"):
		p.fail(line, errNoName)
	}
	for i, name := range names {
		switch {
		case !isColumn(name):
			p.fail(line, fault.With(fmt.Errorf("unknown column %q", cells[i]), fault.Hintf("a list has the columns %s", strings.Join(listColumns, ", "))))
		case slices.Contains(names[:i], name):
			p.fail(line, fault.With(fmt.Errorf("column %q is there twice", name), fault.Hintf("remove one of the two")))
		}
	}
	p.columns = names
	return true
}

func (p *listParser) row(line int, cells []string) row {
	r := row{line: line}
	for i, cell := range cells {
		*r.cell(p.columns[i]) = strings.Clone(cell) // or each keeps its whole line in memory
	}
	return r
}

func (r *row) cell(column string) *string {
	return map[string]*string{"name": &r.name, "names": &r.names, "ip": &r.ip, "for": &r.target, "key": &r.key, "days": &r.days}[column]
}

// split divides a cell with several names.
func split(cell string) []string {
	return strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(" \t,;\n", r) })
}

// targets are what the rows of a list are for, by what their cells say: reading a
// device's file ten thousand times would take seconds.
type targets map[string]parsedTarget

type parsedTarget struct {
	device.Target
	err error
}

func parseTargets(l *List) targets {
	all := targets{}
	all.parse(DefaultDevice)
	for _, r := range l.rows {
		all.parse(r.target)
	}
	return all
}

func (t targets) parse(text string) {
	if _, known := t[text]; !known && text != "" {
		target, err := device.ParseTarget(text)
		t[text] = parsedTarget{target, err}
	}
}

// request returns what a row asks for, with defaults for what it leaves open. All
// of its faults come at once.
func (r row) request(defaults Request, all targets) (Request, error) {
	req := defaults
	var faults []error
	check := func(err error) { faults = append(faults, err) }
	switch {
	case r.err != nil:
		return Request{}, r.err
	case r.name == "":
		return Request{}, errUnnamed
	}
	for _, ip := range split(r.ip) {
		if _, err := netip.ParseAddr(ip); err != nil {
			check(fault.With(fmt.Errorf("%q is not an IP address", ip), fault.Hintf("names belong in the column names")))
		}
	}
	var err error
	req.Names, err = ca.ParseNames(slices.Concat([]string{r.name}, split(r.names), split(r.ip)))
	check(err)
	if r.target != "" {
		req.For = all[r.target].Target
		check(all[r.target].err)
	}
	if r.key != "" {
		req.Key, err = ca.ParseKeyType(r.key)
		check(err)
	}
	if r.days != "" {
		req.Days, err = parseDays(r.days)
		check(err)
	}
	return req, errors.Join(faults...)
}

func parseDays(text string) (int, error) {
	days, err := strconv.Atoi(text)
	if err != nil {
		return 0, fault.With(fmt.Errorf("days %q is not a whole number", text), fault.Hintf("write a number from 1 to %d, or leave the cell empty", ca.MaxLeafDays))
	}
	if days < 1 || days > ca.MaxLeafDays {
		return 0, ca.DaysError{Have: days, Min: 1, Max: ca.MaxLeafDays}
	}
	return days, nil
}
