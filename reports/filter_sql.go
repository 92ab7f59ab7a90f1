package reports

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"deskstream/schemas"
)

// filterSQL turns a filter into a condition on the rows of people. Values and keys of JSON objects are bound as parameters; only constant
// pieces become part of the statement. It means what processors.Match means, which a test holds.
type filterSQL struct {
	params params
	now    time.Time
	zone   *time.Location
	n      int
}

// bind gives a name for a parameter of a type.
func (b *filterSQL) bind(kind string, set func(name string)) string {
	b.n++
	name := "f" + strconv.Itoa(b.n)
	set(name)
	return "{" + name + ":" + kind + "}"
}

func (b *filterSQL) text(v string) string {
	return b.bind("String", func(name string) { b.params.text(name, v) })
}

func (b *filterSQL) number(v float64) string {
	return b.bind("Float64", func(name string) { b.params[name] = strconv.FormatFloat(v+0, 'g', -1, 64) }) // 0 for -0
}

func (b *filterSQL) filter(f *schemas.Filter) string {
	switch {
	case f.Not != nil:
		return "NOT " + b.filter(f.Not)
	case f.Field != nil:
		return b.field(f.Field)
	case f.Activity != nil:
		return b.activity(f.Activity)
	case f.Any != nil:
		return b.join(f.Any, " OR ")
	}
	return b.join(f.All, " AND ")
}

func (b *filterSQL) join(list []schemas.Filter, with string) string {
	parts := make([]string, len(list))
	for i := range list {
		parts[i] = b.filter(&list[i])
	}
	return "(" + strings.Join(parts, with) + ")"
}

// operand is a value to compare. It may be NULL or blank where there is none; has says whether there is one.
type operand struct {
	value string
	has   string
	// several is an array of texts instead of value: a field of the customer's own may be a list.
	several string
	// millis is a time in milliseconds since 1970 instead of value, before it too: columns have times from 1970 on only.
	millis string
}

// field compares a field of the person, their organization or their figures.
func (b *filterSQL) field(c *schemas.Condition) string {
	if positive, ok := c.Opposite(); ok {
		return "NOT " + b.field(&positive)
	}
	ofOrganization, ok := strings.CutPrefix(c.Name, "organization.")
	switch {
	case ok && organizationFigures[ofOrganization]:
		return b.organizationFigure(c)
	case ok:
		return "(account, organization_id) IN (SELECT account, organization_id FROM organizations FINAL WHERE account IN {accounts:Array(String)} AND " +
			b.compare(c, b.organizationField(c)) + ")"
	case personFigures[c.Name] != "":
		o := operand{value: personFigures[c.Name], has: "isNotNull(" + personFigures[c.Name] + ")"}
		if c.Type == schemas.TypeText {
			o.has = o.value + " != ''"
		}
		return "(account, person_id) IN (SELECT m.account, m.person_id FROM (" + usersOfPeople + ") AS m LEFT ANY JOIN (SELECT * FROM person_stats FINAL " +
			"WHERE account IN {accounts:Array(String)}) AS s ON s.account = m.account AND s.user_id = m.u GROUP BY m.account, m.person_id HAVING " + b.compare(c, o) + ")"
	}
	return b.compare(c, b.personField(c))
}

// organizationFigure compares a figure of the person's organization.
func (b *filterSQL) organizationFigure(c *schemas.Condition) string {
	b.params["every_organization"] = "1"
	b.params.ints("organizations", nil)
	value := "f." + strings.TrimPrefix(c.Name, "organization.zendesk.")
	return "(account, organization_id) IN (SELECT o.account, o.organization_id FROM (SELECT account, organization_id FROM organizations FINAL " +
		"WHERE account IN {accounts:Array(String)}) AS o LEFT ANY JOIN (" + sqlText("organization_figures") +
		") AS f ON f.account = o.account AND f.organization_id = o.organization_id WHERE " + b.compare(c, operand{value: value, has: "isNotNull(" + value + ")"}) + ")"
}

// usersOfPeople gives each user with the person it is.
const usersOfPeople = "SELECT account, person_id, arrayJoin(user_ids) AS u FROM people FINAL WHERE account IN {accounts:Array(String)}"

// personFigures are the figures of a person's tickets, over all their users.
var personFigures = map[string]string{
	"zendesk.tickets_total":           "sum(s.tickets_total)",
	"zendesk.tickets_open":            "sum(s.tickets_open)",
	"zendesk.tickets_closed":          "sum(s.tickets_closed)",
	"zendesk.good_ratings":            "sum(s.good_ratings)",
	"zendesk.bad_ratings":             "sum(s.bad_ratings)",
	"zendesk.first_ticket_at":         "if(countIf(s.tickets_total > 0 AND s.first_ticket_at IS NULL) > 0, NULL, min(s.first_ticket_at))", // as firstTicket says
	"zendesk.last_ticket_at":          "max(s.last_ticket_at)",
	"zendesk.last_satisfaction_at":    "max(s.last_satisfaction_at)",
	"zendesk.last_ticket_subject":     "argMax(s.last_ticket_subject, (s.last_ticket_at, s.last_ticket_id))",
	"zendesk.last_ticket_status":      "toString(argMax(s.last_ticket_status, (s.last_ticket_at, s.last_ticket_id)))",
	"zendesk.last_satisfaction_score": "toString(argMax(s.last_satisfaction_score, (s.last_satisfaction_at, s.last_ticket_id)))",
}

// personField is the operand of a field of the person's row.
func (b *filterSQL) personField(c *schemas.Condition) operand {
	switch c.Name {
	case "permissions.email":
		return operand{value: "email_permission = 1", has: "1"}
	case "permissions.sms":
		return operand{value: "sms_permission = 1", has: "1"}
	case "archived":
		return operand{value: "archived = 1", has: "1"}
	case "created_at", "updated_at":
		return operand{value: c.Name, has: "1"}
	case "id":
		return operand{value: "person_id", has: "1"}
	}
	if key, ok := strings.CutPrefix(c.Name, "zendesk."); ok {
		return b.member("zendesk", key, c.Type)
	}
	if key, ok := strings.CutPrefix(c.Name, "custom."); ok {
		return b.customField(key, c.Type)
	}
	return operand{value: c.Name, has: c.Name + " != ''"} // the name is one of systemFields
}

func (b *filterSQL) organizationField(c *schemas.Condition) operand {
	name := strings.TrimPrefix(c.Name, "organization.")
	if key, ok := strings.CutPrefix(name, "zendesk."); ok {
		return b.member("zendesk", key, c.Type)
	}
	return operand{value: name, has: name + " != ''"}
}

// member is the operand of a member of a JSON object; of "fields.<key>" that of the object inside.
func (b *filterSQL) member(column, key string, t schemas.ValueType) operand {
	path := column + ", "
	if inner, ok := strings.CutPrefix(key, "fields."); ok {
		path += "'fields', " + b.text(inner)
	} else {
		path += b.text(key)
	}
	switch t {
	case schemas.TypeBoolean:
		return operand{value: "JSONExtractBool(" + path + ")", has: "JSONType(" + path + ") = 'Bool'"}
	case schemas.TypeNumber:
		return operand{value: "JSONExtract(" + path + ", 'Nullable(Float64)')", has: "isNotNull(JSONExtract(" + path + ", 'Nullable(Float64)'))"}
	case schemas.TypeTime:
		v := "parseDateTimeBestEffortOrNull(JSONExtractString(" + path + "), 'UTC')"
		return operand{value: v, has: "isNotNull(" + v + ")"}
	case schemas.TypeList:
		v := "JSONExtract(" + path + ", 'Array(String)')"
		return operand{value: v, has: "notEmpty(" + v + ")"}
	case schemas.TypeText, schemas.TypeAny:
	}
	return operand{value: "JSONExtractString(" + path + ")", has: "JSONExtractString(" + path + ") != ''"}
}

// customField is the operand of a field of the customer's own, whose type is that of its value.
func (b *filterSQL) customField(key string, t schemas.ValueType) operand {
	path := "custom, " + b.text(key)
	kind := "JSONType(" + path + ")"
	has := "JSONHas(" + path + ")"
	switch t {
	case schemas.TypeBoolean:
		return operand{value: "if(" + kind + " = 'Bool', JSONExtractBool(" + path + "), NULL)", has: has}
	case schemas.TypeNumber:
		return operand{value: "if(" + kind + " IN ('Int64', 'UInt64', 'Double'), JSONExtractFloat(" + path + "), NULL)", has: has}
	case schemas.TypeTime:
		return operand{millis: b.customTime("JSONExtractString(" + path + ")"), has: has}
	case schemas.TypeText, schemas.TypeList, schemas.TypeAny:
	}
	texts := "multiIf(" + kind + " = 'Array', JSONExtract(" + path + ", 'Array(String)'), " + kind + " = 'String', [JSONExtractString(" + path + ")], [])"
	return operand{several: texts, has: has}
}

// customTime reads a time that a text says, as schemas.ReadTime does: of a midnight that clocks leave out ClickHouse reads an hour of the day before, but a
// date begins where the day does. It has the dates of four centuries.
func (b *filterSQL) customTime(text string) string {
	zone := b.bind("String", func(name string) { b.params.text(name, b.zone.String()) })
	read := func(zone string) string { return "parseDateTime64BestEffortOrNull(" + text + ", 3, " + zone + ")" }
	return "toUnixTimestamp64Milli(multiIf(NOT match(" + text + ", " + timeForm + "), NULL, length(" + text + ") = 10 AND " + text + " BETWEEN '1900-01-01' AND '2299-12-31', " +
		"toDateTime64(toDate32(" + read("'UTC'") + "), 3, " + zone + "), " + read(zone) + "))"
}

// timeForm is what schemas.ReadTime reads.
const timeForm = `'^\\d{4}-\\d\\d-\\d\\d(T\\d\\d:\\d\\d:\\d\\d([.]\\d+)?(Z|[+-]\\d\\d:\\d\\d))?$'`

// compare writes one comparison, never NULL.
func (b *filterSQL) compare(c *schemas.Condition, o operand) string {
	if c.Op == schemas.OpHasValue {
		return "(" + o.has + ")"
	}
	switch c.Type {
	case schemas.TypeText:
		if o.several != "" {
			return "arrayExists(x -> " + b.texts(c, "x") + ", " + o.several + ")"
		}
		return "((" + o.has + ") AND " + b.texts(c, o.value) + ")"
	case schemas.TypeList:
		return "hasAny(arrayMap(x -> " + lowerOf("x") + ", " + o.value + "), " + b.list(c.Values) + ")"
	case schemas.TypeTime:
		span := c.Span(b.now, b.zone)
		if o.millis != "" {
			return "ifNull(" + b.within(o.millis, span, b.milli) + ", 0)"
		}
		return "ifNull(" + b.span(o.value, span) + ", 0)"
	case schemas.TypeBoolean:
		want, _ := c.Values[0].(bool)
		return "((" + o.has + ") AND ifNull((" + o.value + ") = " + strconv.FormatBool(want) + ", 0))"
	case schemas.TypeNumber, schemas.TypeAny:
	}
	return "ifNull(" + b.numbers(c, "("+o.value+")") + ", 0)"
}

// list binds texts as an array.
func (b *filterSQL) list(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i], _ = v.(string)
	}
	return b.bind("Array(String)", func(name string) { b.params.texts(name, texts) })
}

// lowerOf brings a text into the lower case in which texts are compared, as schemas.Lower does. The view of phrases, people.sql and
// organizations.sql have it too.
func lowerOf(value string) string {
	return "replaceAll(replaceAll(lowerUTF8(" + value + `), 'i\xCC\x87', 'i'), 'ς', 'σ')`
}

// tokensOf brings a text into the form in which phrases are searched, as schemas.Tokens does.
func tokensOf(value string) string {
	return `concat(' ', trimBoth(replaceRegexpAll(` + lowerOf("normalizeUTF8NFKC("+value+")") + `, '[^\\p{L}\\p{Nd}]+', ' ')), ' ')`
}

func (b *filterSQL) texts(c *schemas.Condition, value string) string {
	list := b.list(c.Values)
	lower := lowerOf(value)
	switch c.Op {
	case schemas.OpIs:
		return "has(" + list + ", " + lower + ")"
	case schemas.OpStartsWith:
		return "arrayExists(v -> startsWith(" + lower + ", v), " + list + ")"
	case schemas.OpEndsWith:
		return "arrayExists(v -> endsWith(" + lower + ", v), " + list + ")"
	case schemas.OpContainsPhrase:
		return "arrayExists(v -> position(" + tokensOf(value) + ", concat(' ', v, ' ')) > 0, " + list + ")"
	}
	return "arrayExists(v -> position(" + lower + ", v) > 0, " + list + ")"
}

func (b *filterSQL) numbers(c *schemas.Condition, value string) string {
	bound := make([]string, len(c.Values))
	for i, v := range c.Values {
		n, _ := v.(float64)
		bound[i] = b.number(n)
	}
	switch c.Op {
	case schemas.OpLess:
		return value + " < " + bound[0]
	case schemas.OpGreater:
		return value + " > " + bound[0]
	case schemas.OpBetween:
		return "(" + value + " BETWEEN " + bound[0] + " AND " + bound[1] + ")"
	}
	return "(" + value + " + 0) IN (" + strings.Join(bound, ", ") + ")" // IN compares bits, and those of -0, which is 0, are others
}

// span compares a DateTime with a stretch of time.
func (b *filterSQL) span(value string, s schemas.Span) string {
	return b.within(value, s, func(t time.Time) string {
		return "toDateTime(" + b.bind("UInt32", func(name string) { b.params.time(name, t) }) + ", 'UTC')"
	})
}

// milli gives an instant as operand.millis has it.
func (b *filterSQL) milli(t time.Time) string {
	return b.bind("Int64", func(name string) { b.params.int(name, t.UnixMilli()) })
}

// within compares a time with a stretch of time, whose bounds at writes.
func (b *filterSQL) within(value string, s schemas.Span, at func(time.Time) string) string {
	parts := []string{"isNotNull(" + value + ")"}
	if !s.From.IsZero() {
		parts = append(parts, value+" >= "+at(s.From))
	}
	if !s.To.IsZero() {
		parts = append(parts, value+" < "+at(s.To))
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

// activity looks for people by their activities. Without a condition on attributes the figures that outlive retention are enough.
func (b *filterSQL) activity(a *schemas.ActivityCondition) string {
	span := schemas.Span{}
	if a.When != nil {
		span = a.When.Span(b.now, b.zone)
	}
	slug := b.text(a.Activity)
	ever := a.Summed()
	rows := "SELECT account, user_id, first_at, last_at, count AS times FROM person_activities FINAL WHERE account IN {accounts:Array(String)} AND activity = " + slug
	if !ever {
		rows = "SELECT account, user_id, occurred_at AS first_at, occurred_at AS last_at, 1 AS times FROM activities FINAL WHERE account IN {accounts:Array(String)} " +
			"AND activity = " + slug + " AND expires_at > " + b.nowText() + b.whereText(a, span)
	}
	found := "(account, person_id) IN (SELECT m.account, m.person_id FROM (" + usersOfPeople + ") AS m INNER JOIN (" + rows +
		") AS a ON a.account = m.account AND a.user_id = m.u GROUP BY m.account, m.person_id HAVING "
	switch {
	case a.Op == schemas.OpFirstOccurred:
		return found + b.span("min(a.first_at)", span) + ")"
	case a.Op == schemas.OpLastOccurred, ever && a.Op == schemas.OpHasOccurred && a.When != nil:
		return found + b.span("max(a.last_at)", span) + ")"
	case a.Op == schemas.OpOccurredTimes && zeroHolds(a.Times):
		return "NOT " + found + "NOT " + b.times(a.Times) + ")"
	case a.Op == schemas.OpOccurredTimes:
		return found + b.times(a.Times) + ")"
	}
	return found + "sum(a.times) > 0)"
}

// times compares how often an activity happened.
func (b *filterSQL) times(c *schemas.Condition) string {
	if positive, ok := c.Opposite(); ok {
		return "NOT " + b.times(&positive)
	}
	return b.compare(c, operand{value: "sum(a.times)"})
}

func (b *filterSQL) nowText() string {
	return "toDateTime(" + b.bind("UInt32", func(name string) { b.params.time(name, b.now) }) + ", 'UTC')"
}

// zeroHolds says whether people without any such activity match too.
func zeroHolds(c *schemas.Condition) bool {
	if positive, ok := c.Opposite(); ok {
		return !zeroHolds(&positive)
	}
	first, _ := c.Values[0].(float64)
	switch c.Op {
	case schemas.OpLess:
		return first > 0
	case schemas.OpGreater:
		return first < 0
	case schemas.OpBetween:
		last, _ := c.Values[1].(float64)
		return first <= 0 && last >= 0
	}
	return slices.Contains(c.Values, any(0.0))
}

// whereText restricts activities to those that count.
func (b *filterSQL) whereText(a *schemas.ActivityCondition, span schemas.Span) string {
	text := ""
	if a.When != nil && a.Op != schemas.OpFirstOccurred && a.Op != schemas.OpLastOccurred {
		text += " AND " + b.span("occurred_at", span)
	}
	for i := range a.Where {
		text += " AND " + b.attribute(&a.Where[i])
	}
	return text
}

// attribute compares an attribute of an activity.
func (b *filterSQL) attribute(c *schemas.Condition) string {
	if positive, ok := c.Opposite(); ok {
		return "NOT " + b.attribute(&positive)
	}
	name := c.Name
	switch activityAttributes[name].place {
	case placeColumn:
		if c.Type == schemas.TypeList {
			return b.compare(c, operand{value: name, has: "notEmpty(" + name + ")"})
		}
		value := "toString(" + name + ")"
		return b.compare(c, operand{value: value, has: value + " != ''"})
	case placeID:
		if name == "requester_id" {
			name = "if(ticket_id = 0, 0, user_id)" // others have a user too
		}
		return b.compare(c, operand{value: "toString(" + name + ")", has: name + " != 0"})
	case placeNumber: // ticket_number
		return b.compare(c, operand{value: "nullIf(ticket_id, 0)", has: "ticket_id != 0"})
	case placeTime:
		return b.compare(c, operand{value: name, has: "1"})
	case placeName:
		part := attributeNames[name].part.sql()
		return "(account, " + attributeNames[name].column + ") IN (SELECT account, id FROM (" + namesOf(attributeNames[name].kind) + ") WHERE " +
			b.compare(c, operand{value: part, has: part + " != ''"}) + ")"
	case placeJSON:
	}
	return b.compare(c, b.member("attributes", strings.ReplaceAll(name, "_", "-"), c.Type))
}

// namesOf gives all names of a kind with their ids.
func namesOf(kind string) string {
	from := "id, name FROM names FINAL WHERE kind = '" + kind + "' AND "
	switch kind {
	case kindAgent:
		from = "user_id AS id, name FROM agents FINAL WHERE "
	case kindAgentEmail:
		from = "user_id AS id, email AS name FROM agents FINAL WHERE "
	case kindOrganization:
		from = "organization_id AS id, name FROM organizations FINAL WHERE "
	}
	return "SELECT account, " + from + "account IN {accounts:Array(String)}"
}
