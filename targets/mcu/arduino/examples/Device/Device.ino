// A sketch that has jobs: `led` with 0 or 1, and `add` with numbers. On its serial line is errand-bridge:
//   errand-bridge run /dev/ttyACM0 led 1
// Serial.print works beside it, and goes to the log of the bridge: print whole lines, while errand_link_give has nothing.
// Firmware stays the business of the Arduino boot loader here; examples/uno of targets/mcu pulls its own.
#include <errand.h>

#include <EEPROM.h>

static const uint8_t FRAME_BYTES = 64;
static uint8_t received[FRAME_BYTES];
static uint8_t replies[2 * FRAME_BYTES];
static struct errand_link link;
static struct errand_jobs jobs;

// Another one after each reset.
static uint32_t bootId() {
  uint32_t boots;
  EEPROM.get(0, boots);
  EEPROM.put(0, ++boots);
  return boots;
}

static void text(struct errand_writer *writer, const char *words) {
  errand_write_string(writer, ERRAND_TEXT, words, strlen(words));
}

static void sayHello(struct errand_writer *writer) {
  errand_write_head(writer, ERRAND_MAP, 4);
  errand_write_pair(writer, ERRAND_KEY_VERSION, ERRAND_WIRE_VERSION);
  errand_write_pair(writer, ERRAND_KEY_BOOT_ID, link.boot_id);
  errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_HARDWARE_ID);
  text(writer, "sketch-1");
  errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_COMMANDS);
  errand_write_head(writer, ERRAND_ARRAY, 2);
  text(writer, "led");
  text(writer, "add");
}

static bool isCommand(const char *name) {
  return jobs.command.value == strlen(name) && memcmp(jobs.command.bytes, name, strlen(name)) == 0;
}

static void runCommand() {
  int32_t sum = 0;
  const uint8_t *at = jobs.args.bytes;
  struct errand_item number;
  for (uint32_t i = 0; i < jobs.args.value; i++) {
    at = errand_item_read(at, jobs.args_end, &number);
    if (at == NULL || number.major > ERRAND_NINT) {
      jobs.state = ERRAND_STATE_FAILED;
      jobs.words = "only whole numbers are taken";
      return;
    }
    sum += errand_item_int(&number);
  }
  jobs.state = ERRAND_STATE_SUCCEEDED;
  if (isCommand("led")) {
    digitalWrite(LED_BUILTIN, sum != 0 ? HIGH : LOW);
  } else if (isCommand("add")) {
    jobs.has_result = true;
    jobs.result = sum;
  } else {
    jobs.state = ERRAND_STATE_REFUSED;
  }
}

static void answerFrame() {
  const uint8_t *body;
  size_t size;
  struct errand_writer writer;
  enum errand_type type = errand_link_frame(&link, &body, &size);
  if (type == ERRAND_NOTHING)
    return;
  errand_write_init(&writer, errand_link_room(&link), FRAME_BYTES - ERRAND_AROUND_BODY);
  if (type == ERRAND_HELLO) {
    sayHello(&writer);
  } else if (type == ERRAND_REQUEST && errand_jobs_take(&jobs, body, size, &writer) == ERRAND_JOBS_RUN) {
    runCommand();
    errand_jobs_write(&jobs, &writer);
  }
  errand_link_answer(&link, type == ERRAND_DATA ? 0 : writer.used);
}

void setup() {
  pinMode(LED_BUILTIN, OUTPUT);
  Serial.begin(115200);
  link.window = 1;
  link.rx = received;
  link.rx_size = FRAME_BYTES;
  link.tx = replies;
  link.tx_size = FRAME_BYTES;
  link.boot_id = bootId();
  errand_link_init(&link);
}

// Serial has the two rings that the library asks for: keep the loop below the 5 ms in which 64 bytes arrive.
void loop() {
  while (Serial.available() > 0) {
    if (!errand_link_take(&link, (uint8_t)Serial.peek()))
      break; // a frame waits
    Serial.read();
  }
  answerFrame();
  while (Serial.availableForWrite() > 0) {
    int byte = errand_link_give(&link);
    if (byte < 0)
      break;
    Serial.write((uint8_t)byte);
  }
}
