# A peer of BenchmarkPeers: reads {template, people, seconds} from stdin, renders the people in turn for that long with the template parsed once,
# and prints the processor time of a render in microseconds and the first result. Output is not escaped: the library has no such setting.
require "json"
require "liquid"

task = JSON.parse($stdin.read)
template, people = Liquid::Template.parse(task["template"]), task["people"]
first = template.render(people[0])
people.each { |person| template.render(person) }
begun = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID, :float_microsecond)
last = Process.clock_gettime(Process::CLOCK_MONOTONIC) + task["seconds"]
renders = 0
while Process.clock_gettime(Process::CLOCK_MONOTONIC) < last
  people.each { |person| template.render(person) }
  renders += people.size
end
micros = (Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID, :float_microsecond) - begun) / renders
puts JSON.generate({ micros: micros, first: first })
