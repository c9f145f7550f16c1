# SPDX-License-Identifier: MIT
# script.rb: strings, hashes, regular expressions, sorting, closures, big numbers, threads and fibers.
state = 12345
random = ->(n) { (state = (state * 1103515245 + 12345) % 2147483648) / 256 % n }

count = Hash.new(0)
list = Hash.new { |hash, key| hash[key] = [] }
1.upto(60000) do |i|
  word = Array.new(2 + random.(4)) { (97 + random.(26)).chr }.join
  count[word] += 1
  list[word.size] << word + i.to_s * random.(3)
end
most = count.sort_by { |word, n| [-n, word] }
puts "#{most.size} words; #{most.first(20).map { |pair| pair.join('=') }.join(' ')}"
list.keys.sort.each do |size|
  text = list[size].sort.join(',')
  changed = text.gsub(/([aeiou])(\d*)/) { "<#{$2}#{$1}>" }
  puts "#{size}: #{text.bytesize} #{text.sum(32)} #{changed.scan(/<\d+[ae]>[b-d]?/).size} #{changed.bytesize} #{changed[0, 40]}"
end
count.delete_if { |word, _| word < 'n' }
puts "#{count.size} left"

closures = (1..5000).map { |n| ->(more) { n += more; "#{n}:" + 'x' * (n % 50) } }
puts "closures #{(1..10).sum { |turn| closures.sum { |closure| closure.(turn).size } }}"

grow = +''
1.upto(200000) { |n| grow << n.to_s << ';' }
puts "#{grow.reverse!.size} #{grow.sum(32)} #{grow[1000, 30]}"
GC.start
tree = ->(depth) { depth.zero? ? nil : [tree.(depth - 1), tree.(depth - 1)] }
nodes = ->(node) { node ? 1 + nodes.(node[0]) + nodes.(node[1]) : 0 }
puts "nodes #{nodes.(tree.(15))}"
puts (1..1500).inject(:*).to_s.sum(32)
puts (3**20000 % 7**900).to_s[0, 60]

words = Array.new(8) { |n| Thread.new { Array.new(5000) { |i| (i * (n + 1)).to_s(36) * 3 }.sort.join.sum(32) } }.map(&:value)
puts words.inspect
fiber = Fiber.new { 1000.times { |n| Fiber.yield 'f' * n }; nil }
total = 0
while (part = fiber.resume)
  total += part.size
end
puts total, 'äöü'.encode('UTF-16LE').bytes.inspect, format('%.12f', Math.sqrt(2)), ObjectSpace.respond_to?(:each_object)
