use cloudformation::relations::AlarmWindow;

const WINDOW: AlarmWindow<4, 3, 60> = AlarmWindow::new();

fn main() {}
