package zendesktest

import (
	"container/heap"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// History returns an account with a believable past of some days that ends at now: one admin, six agents, customers of a
// travel shop, and about perDay tickets a day that follow business hours and are answered, reopened, rated, merged,
// deleted and closed. Equal arguments give equal accounts. It makes no webhooks for the past; changes made later do.
// The admin has the address AdminEmail.
func History(seed uint64, days, perDay int, now time.Time) (*Account, error) {
	if days < 1 || perDay < 1 {
		return nil, fmt.Errorf("history of %d days with %d tickets a day: %w, want at least one of each", days, perDay, ErrInvalid)
	}
	h := &history{
		Account: NewAccount("acme"), rand: rand.New(rand.NewPCG(seed, 0xde5c)), now: now.UTC().Truncate(time.Second),
	}
	h.SetWebhooks(false)
	start := h.now.AddDate(0, 0, -days)
	h.furnish(start.AddDate(0, 0, -30))
	for day := range days + 1 {
		h.arrivals(start.AddDate(0, 0, day), perDay)
	}
	h.upkeep(start, days)
	h.run()
	h.SetWebhooks(true)
	return h.Account, h.err
}

// AdminEmail is the address of the admin of a History account.
const AdminEmail = "robin@acme.example"

type history struct {
	*Account
	rand  *rand.Rand
	now   time.Time
	queue steps
	added int
	drawn int // customers
	err   error

	admin     int64
	agents    []int64
	groupIDs  map[string]int64
	brandIDs  []int64
	refunds   int64 // the form of tickets on refunds; all others have the default one
	orgIDs    []int64
	customers []int64
	area      int64
	open      *hours
}

// step is something that happens at a time.
type step struct {
	at    time.Time
	order int
	do    func(at time.Time)
}

type steps []step

func (s steps) Len() int { return len(s) }
func (s steps) Less(i, j int) bool {
	return s[i].at.Before(s[j].at) || s[i].at.Equal(s[j].at) && s[i].order < s[j].order
}
func (s steps) Swap(i, j int) { s[i], s[j] = s[j], s[i] }

// Push is for container/heap.
func (s *steps) Push(x any) { *s = append(*s, x.(step)) }

// Pop is for container/heap.
func (s *steps) Pop() any {
	old := *s
	last := old[len(old)-1]
	*s = old[:len(old)-1]
	return last
}

// plan puts a step into the queue; what would happen after now does not happen.
func (h *history) plan(at time.Time, do func(at time.Time)) {
	if at.After(h.now) {
		return
	}
	h.added++
	heap.Push(&h.queue, step{at, h.added, do})
}

func (h *history) run() {
	for len(h.queue) > 0 {
		next, _ := heap.Pop(&h.queue).(step)
		next.do(next.at)
	}
}

// check keeps an error that is not just a ticket that was closed, merged or deleted meanwhile.
func (h *history) check(err error) bool {
	if err != nil && !errors.Is(err, ErrClosed) && !errors.Is(err, ErrDeleted) && !errors.Is(err, ErrNotFound) {
		h.err = errors.Join(h.err, err)
	}
	return err == nil
}

// furnish makes everything that is there before the first ticket.
func (h *history) furnish(at time.Time) {
	h.SetSLA(map[string]int64{"urgent": 60, "high": 240, "normal": 480, "low": 1440})
	h.groupIDs = map[string]int64{}
	for _, name := range []string{"Support", "Billing", "Tier 2"} {
		h.groupIDs[name] = h.CreateGroup(at, name).ID
	}
	for _, name := range []string{"Acme Travel", "Acme Outlet"} {
		h.brandIDs = append(h.brandIDs, h.CreateBrand(at, name).ID)
	}
	h.CreateSchedule(at, "Office hours", "Eastern Time (US & Canada)", weekdays(8*60, 18*60), h.publicHolidays(at)...)
	h.mu.Lock()
	h.open = h.openHours()
	h.mu.Unlock()
	h.area = h.AddField(at, "ticket", "tagger", "", "Product area", "Shop", "App", "Insurance", "Payments").ID
	h.AddField(at, "user", "dropdown", "plan", "Plan", "Free", "Plus", "Family")
	h.AddField(at, "organization", "text", "region", "Region")
	h.admin = h.person(at, NewUser{Name: "Robin Keller", Email: AdminEmail, Role: "admin", Group: h.groupIDs["Support"]})
	for i, name := range agentNames {
		group := []string{"Support", "Support", "Support", "Billing", "Billing", "Tier 2"}[i]
		email := fmt.Sprintf("agent%d@acme.example", i+1)
		h.agents = append(h.agents, h.person(at, NewUser{Name: name, Email: email, Role: "agent", Group: h.groupIDs[group]}))
	}
	for i, name := range companies {
		h.orgIDs = append(h.orgIDs, h.CreateOrganization(at, name, fmt.Sprintf("org-%03d", i+1), fmt.Sprintf("company%d.example", i+1)).ID)
	}
	h.CreateTicketForm(at, "Default Ticket Form", "Ask us anything")
	h.refunds = h.CreateTicketForm(at, "Returns and refunds", "Send something back").ID
}

func (h *history) person(at time.Time, n NewUser) int64 {
	u, err := h.CreateUser(at, n)
	h.check(err)
	return u.ID
}

// weekdays opens Monday to Friday between two minutes of the day.
func weekdays(begin, end int) []Interval {
	out := []Interval{}
	for day := 1; day <= 5; day++ {
		out = append(out, Interval{StartTime: day*1440 + begin, EndTime: day*1440 + end})
	}
	return out
}

func (h *history) publicHolidays(from time.Time) []Holiday {
	out := []Holiday{}
	for year := from.Year(); year <= h.now.Year()+1; year++ {
		for _, d := range []struct{ name, day string }{{"New Year", "01-01"}, {"Independence Day", "07-04"}, {"Christmas", "12-25"}} {
			date := fmt.Sprintf("%d-%s", year, d.day)
			out = append(out, Holiday{Name: d.name, StartDate: date, EndDate: date})
		}
	}
	return out
}

// arrivals plans the new tickets of one day: fewer at week-ends and on holidays, most around noon, in Eastern time.
func (h *history) arrivals(day time.Time, perDay int) {
	zone := time.UTC
	if h.open != nil {
		zone = h.open.zone
	}
	local := day.In(zone)
	weight := [7]float64{0.4, 1.3, 1.2, 1.1, 1.1, 1.0, 0.5}[local.Weekday()]
	if h.open != nil && h.open.closed[local.Format(time.DateOnly)] {
		weight = 0.4
	}
	n := int(math.Round(float64(perDay) * weight * 7 / 6.6 * (0.85 + 0.3*h.rand.Float64())))
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone)
	for range n {
		hour := 13 + 3.4*h.rand.NormFloat64()
		if h.rand.Float64() < 0.12 || hour < 0 || hour >= 24 {
			hour = 24 * h.rand.Float64()
		}
		h.plan(midnight.Add(time.Duration(hour*float64(time.Hour))), h.newTicket)
	}
}

// upkeep plans what happens to people: changes, merges and deletions.
func (h *history) upkeep(start time.Time, days int) {
	for day := 1; day < days; day++ {
		at := start.AddDate(0, 0, day).Add(time.Duration(h.rand.IntN(86400)) * time.Second)
		h.plan(at, h.changePerson)
		if day%9 == 0 {
			h.plan(at.Add(time.Minute), h.mergePeople)
		}
		if day%30 == 0 {
			h.plan(at.Add(2*time.Minute), h.deletePerson)
		}
	}
}

func (h *history) changePerson(at time.Time) {
	if len(h.customers) == 0 {
		return
	}
	id := pick(h.rand, h.customers)
	c := UserChange{Fields: map[string]any{"plan": pick(h.rand, []string{"free", "plus", "family"})}}
	if h.rand.Float64() < 0.3 {
		c.Name = ptr(pick(h.rand, givenNames) + " " + pick(h.rand, familyNames))
	}
	h.check(h.UpdateUser(at, id, c))
}

func (h *history) mergePeople(at time.Time) {
	if len(h.customers) < 20 {
		return
	}
	loser, winner := h.rand.IntN(len(h.customers)), h.rand.IntN(len(h.customers))
	if loser == winner {
		return
	}
	if h.check(h.MergeUsers(at, h.customers[loser], h.customers[winner])) {
		h.customers = append(h.customers[:loser], h.customers[loser+1:]...)
	}
}

// deletePerson deletes a customer; the fewest write a ticket again.
func (h *history) deletePerson(at time.Time) {
	if len(h.customers) < 20 {
		return
	}
	i := h.rand.IntN(len(h.customers))
	if h.check(h.DeleteUser(at, h.customers[i])) {
		h.customers = append(h.customers[:i], h.customers[i+1:]...)
	}
}

// workTime adds time in business hours.
func (h *history) workTime(at time.Time, d time.Duration) time.Time { return h.open.add(at, d).UTC() }

// around draws a duration from a log-normal distribution with the given median: most are near it, a few much longer.
func (h *history) around(median time.Duration, spread float64) time.Duration {
	return time.Duration(float64(median) * math.Exp(spread*h.rand.NormFloat64()))
}
