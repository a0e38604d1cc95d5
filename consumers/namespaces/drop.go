package namespaces

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/limit"
	"tidemark/internal/plural"
	"tidemark/schemas"
)

// Dropper removes namespaces. Its fields are set before the first call.
type Dropper struct {
	DB     ledgerdb.DB
	Log    Log
	Groups Groups
	// Patience is how long to wait for the members of a consumer group to leave. They leave when their topics are gone
	// or, if they are dead, when their sessions end, 10 s after their last heartbeat; while the others join again, which
	// takes 30 s at most, the group cannot be deleted. It may not be negative. Default 45 s, the sum of both and some room.
	Patience time.Duration
	Hooks    Hooks
}

// Plan is what dropping a namespace removes.
type Plan struct {
	Name string
	// Database reports whether there is a database. Tables counts its tables and views, Rows and Bytes what is on disk.
	Database            bool
	Tables, Rows, Bytes uint64
	// Foreign are tables of the database that this program does not know: those of a user, or of a newer version.
	Foreign []string
	Topics  map[string]Topic // By full name.
	Groups  []GroupPlan
}

// GroupPlan is a consumer group to be removed.
type GroupPlan struct {
	Name    string
	Members int
}

// Empty reports that there is nothing to remove.
func (p Plan) Empty() bool { return !p.Database && len(p.Topics) == 0 && len(p.Groups) == 0 }

// reserved are databases of the server, or that clients rely on. They are never dropped, whatever is in them.
var reserved = []string{"default", "system", "information_schema"}

// Plan returns what there is of a namespace. A database of that name without Tidemark's record of migrations is an
// error that wraps ErrNotNamespace. After a drop that was interrupted, the plan has what is left; if nothing is left it
// is empty.
func (d *Dropper) Plan(ctx context.Context, name string) (Plan, error) {
	p := Plan{Name: name}
	if err := schemas.ValidNamespace(name); err != nil {
		return p, fmt.Errorf("%w: %w", ErrNotNamespace, err)
	}
	if slices.Contains(reserved, name) {
		return p, fmt.Errorf("%s is a database of the server itself, %w", name, ErrNotNamespace)
	}
	if err := d.planDatabase(ctx, &p); err != nil {
		return p, err
	}
	var err error
	if p.Topics, err = d.Log.Topics(ctx, TopicNames(name)); err != nil {
		return p, err
	}
	if p.Empty() {
		return p, nil // Then a group of that name is not ours.
	}
	for _, group := range []string{IngestGroup(name), RollupGroup(name)} {
		members, exists, err := d.Groups.Group(ctx, group)
		if err != nil {
			return p, err
		}
		if exists {
			p.Groups = append(p.Groups, GroupPlan{Name: group, Members: members})
		}
	}
	return p, nil
}

func (d *Dropper) planDatabase(ctx context.Context, p *Plan) error {
	n, err := queryNumber(ctx, d.DB, databaseSQL(p.Name))
	if err != nil {
		return fmt.Errorf("find database %s: %w", p.Name, err)
	}
	if n == 0 {
		return nil
	}
	known, err := names(ctx, d.DB)
	if err != nil {
		return err
	}
	if !slices.Contains(known, p.Name) {
		return fmt.Errorf("database %s is %w: no migration of Tidemark is recorded in it", p.Name, ErrNotNamespace)
	}
	s, err := readSize(ctx, d.DB, p.Name)
	if err != nil {
		return err
	}
	p.Database, p.Tables, p.Rows, p.Bytes = true, s.tables, s.rows, s.bytes
	tables, err := listTables(ctx, d.DB, p.Name)
	if err != nil {
		return err
	}
	ours := schemas.Relations()
	for _, table := range tables {
		if _, known := ours[table]; !known {
			p.Foreign = append(p.Foreign, table)
		}
	}
	return nil
}

// Used returns what shows that a namespace was used: records in a topic, rows in a table that has some only then, or a table that
// this program does not know. It is empty for one that was only migrated.
func (d *Dropper) Used(ctx context.Context, p Plan) (what string, err error) {
	for _, name := range slices.Sorted(maps.Keys(p.Topics)) {
		if n := p.Topics[name].Records; n > 0 {
			return fmt.Sprintf("topic %s has %s", name, plural.Of(n, "record")), nil
		}
	}
	if len(p.Foreign) > 0 {
		return "table " + p.Foreign[0] + " is none of Tidemark's", nil
	}
	err = d.DB.Query(ctx, usedSQL(p.Name), func(scan func(...any) error) error {
		var table string
		var rows uint64
		err := scan(&table, &rows)
		what = fmt.Sprintf("table %s has %s", table, plural.Of(rows, "row"))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("find rows in database %s: %w", p.Name, err)
	}
	return what, nil
}

// Drop removes what is in the plan: first the topics, so that no process continues, then the groups, last the database,
// of which the record of migrations goes at the very end. After an interruption the caller makes a new plan and calls
// it again.
func (d *Dropper) Drop(ctx context.Context, p Plan) error {
	if err := limit.NotNegative("Patience", d.Patience); err != nil {
		return fmt.Errorf("limits of the drop: %w", err)
	}
	for _, topic := range TopicNames(p.Name) {
		if _, exists := p.Topics[topic]; !exists {
			continue
		}
		if err := d.Log.DeleteTopics(ctx, []string{topic}); err != nil {
			return err
		}
		d.report("topic %s is deleted", topic)
	}
	for _, group := range p.Groups {
		if err := d.dropGroup(ctx, group.Name); err != nil {
			return err
		}
	}
	if p.Database {
		return d.dropDatabase(ctx, p.Name)
	}
	return nil
}

// groupPoll is the time between two attempts to delete a group whose members are to leave.
const groupPoll = 500 * time.Millisecond

func (d *Dropper) dropGroup(ctx context.Context, group string) error {
	patience := cmp.Or(d.Patience, 45*time.Second)
	for began := time.Now(); ; {
		err := d.Groups.DeleteGroup(ctx, group)
		if err == nil {
			d.report("consumer group %s is deleted", group)
			return nil
		}
		if !errors.Is(err, ErrInUse) {
			return err
		}
		if time.Since(began) > patience {
			return fmt.Errorf("%w: stop them and drop the namespace again", err)
		}
		d.report("waiting for the members of consumer group %s to leave", group)
		timer := time.NewTimer(groupPoll)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

func (d *Dropper) dropDatabase(ctx context.Context, name string) error {
	tables, err := listTables(ctx, d.DB, name)
	if err != nil {
		return err
	}
	// One by one, so that the record of migrations, by which the database is known, outlives an interruption.
	for _, table := range tables {
		if table == schemas.MigrationsTable {
			continue
		}
		if err := d.DB.Exec(ctx, dropTableSQL(name, table)); err != nil {
			return fmt.Errorf("drop table %s: %w", table, err)
		}
	}
	if err := d.DB.Exec(ctx, dropDatabaseSQL(name)); err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	d.report("database %s is dropped", name)
	return nil
}

func (d *Dropper) report(format string, args ...any) {
	if d.Hooks.Dropped != nil {
		d.Hooks.Dropped(fmt.Sprintf(format, args...))
	}
}
