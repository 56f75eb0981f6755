# Each request starts threads, forks beside them and runs a command. Without Puma's own threads nothing of this waits.
require "open3"
run lambda { |_env|
  sum = (1..4).map { |n| Thread.new { Mutex.new.synchronize { n } } }.sum(&:value)
  reader, writer = IO.pipe
  child = fork { writer.write("child"); exit!(3) }
  writer.close
  said = reader.read
  _, status = Process.wait2(child)
  out, = Open3.capture2("echo", "command")
  [200, { "content-type" => "text/plain" }, ["sum #{sum} #{said} #{status.exitstatus} #{out}"]]
}
