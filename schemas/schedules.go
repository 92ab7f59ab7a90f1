package schemas

// ScheduleList is what one reading of the whole list of business-hours schedules showed. Zendesk does not say when a schedule is deleted: those that the
// list has not got any more are.
type ScheduleList struct {
	IDs []ZID `json:"ids"` // ascending
}
